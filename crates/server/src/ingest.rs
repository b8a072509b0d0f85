//! From decoded requests to the record: bounded in memory, and everything counted.
//!
//! NOTE: every span and verdict of a request is stored, or rejected with a reason, or the whole request is answered with an
//! error that tells the client to send it again. Nothing is dropped in between.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use neuraltrust_model::{SpanPatch, Timestamp, limits};
use neuraltrust_normalize::{Item, Itemized, Normalized, Reason, Rejection};
use neuraltrust_store::{Appended, Grant, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;
use crate::metrics::{ACCEPTED, APPEND_SECONDS, DUPLICATES, REJECTED, STORED};
use crate::quarantine;
use crate::unplaced::Unplaced;

/// Bytes of requests in hand at a time; a request counts with its compressed and its decompressed size.
const IN_HAND_BYTES: usize = 256 << 20;
/// What a decoded value takes up in memory, about; one of JSON or of protobuf.
const VALUE_BYTES: usize = 64;
/// Unit in which bytes in hand are counted.
const UNIT: usize = 1 << 10;
/// How long a request waits for its turn before the client is told to come back.
const PATIENCE: Duration = Duration::from_secs(2);

/// The ways in, as the metrics name them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Surface {
    NeuraltrustV1,
    NeuraltrustBatch,
    Langsmith,
    Langfuse,
    Opik,
    Helicone,
    Mlflow,
    Phoenix,
    OtlpHttp,
    OtlpGrpc,
    Api,
    Import,
}

impl Surface {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NeuraltrustV1 => "neuraltrust_v1",
            Self::NeuraltrustBatch => "neuraltrust_batch",
            Self::Langsmith => "langsmith",
            Self::Langfuse => "langfuse",
            Self::Opik => "opik",
            Self::Helicone => "helicone",
            Self::Mlflow => "mlflow",
            Self::Phoenix => "phoenix",
            Self::OtlpHttp => "otlp_http",
            Self::OtlpGrpc => "otlp_grpc",
            Self::Api => "api",
            Self::Import => "import",
        }
    }
}

/// The way from the protocols to the store.
#[derive(Debug, Clone)]
pub(crate) struct Ingest {
    store: Store,
    room: Arc<Semaphore>,
    /// One for each large request that may be decoded at a time: more at once would be no faster.
    turns: Arc<Semaphore>,
    /// What is said of spans without their traces.
    unplaced: Unplaced,
}

impl Ingest {
    pub(crate) fn new(store: Store) -> Self {
        let turns = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
        let (room, turns) = (Arc::new(Semaphore::new(IN_HAND_BYTES / UNIT)), Arc::new(Semaphore::new(turns)));
        Self { store, room, turns, unplaced: Unplaced::default() }
    }

    /// What waits for spans that have not come.
    pub(crate) const fn unplaced(&self) -> &Unplaced {
        &self.unplaced
    }

    /// Room for what a body of that many values is decoded to, which is taken beside the room for its bytes.
    pub(crate) async fn room_for_values(&self, values: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        self.room(values.saturating_mul(VALUE_BYTES)).await
    }

    /// Waits for its turn to decode something large.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.turns).acquire_owned().await.map_err(|_| ApiError::busy())
    }

    /// Room for that many bytes, for as long as the answer is kept.
    pub(crate) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let units = bytes.min(limits::MAX_BODY_BYTES).div_ceil(UNIT).max(1) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(units);
        tokio::time::timeout(PATIENCE, room).await.ok().and_then(Result::ok).ok_or_else(ApiError::busy)
    }

    /// Keeps what a request said; returns what of it was rejected, which is for the caller to tell and to count. When it
    /// returns, the rest is on disk.
    pub(crate) async fn keep(&self, surface: Surface, grant: &Grant, normalized: Normalized) -> Result<Vec<Rejection>, ApiError> {
        let Normalized { patches, mut rejected } = normalized;
        let refused = self.append(surface, grant, patches).await?.refused;
        rejected.extend(refused.iter().map(|refused| Rejection::new(Reason::TooLarge, "spans", refused.to_string())));
        Ok(rejected)
    }

    /// Keeps what one protocol message said, which is kept whole or refused whole; the caller counts a refusal. When it
    /// returns without one, it is on disk.
    pub(crate) async fn keep_whole(&self, surface: Surface, grant: &Grant, patches: Vec<SpanPatch>) -> Result<(), ApiError> {
        match self.append(surface, grant, patches).await?.refused.pop() {
            Some(refused) => Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge.as_str(), refused.to_string())),
            None => Ok(()),
        }
    }

    /// Keeps what a batch said that is answered item by item, and counts what of it is rejected; returns what became of each
    /// item. When it returns, the items that are not rejected are on disk.
    pub(crate) async fn keep_items(&self, surface: Surface, grant: &Grant, batch: Itemized) -> Result<Vec<Item>, ApiError> {
        let Itemized { patches, mut items } = batch;
        for refused in self.append(surface, grant, patches).await?.refused {
            for item in items.iter_mut().filter(|item| item.spans.contains(&refused.span_id)) {
                item.rejected = Some(Rejection::new(Reason::TooLarge, "spans", refused.to_string()));
            }
        }
        for rejection in items.iter().filter_map(|item| item.rejected.as_ref()) {
            count_all_rejected(surface, std::slice::from_ref(rejection));
        }
        Ok(items)
    }

    /// Puts patches on disk, but for those that are too large, and says how many; the caller tells and counts what is refused. What has
    /// waited for a span among them goes with them.
    pub(crate) async fn append(
        &self,
        surface: Surface,
        grant: &Grant,
        mut patches: Vec<SpanPatch>,
    ) -> Result<Appended, ApiError> {
        let joined = self.unplaced.join(grant.project.get(), &mut patches);
        let begin = Instant::now();
        let kept = match self.store.append(grant.project, patches, now()).await {
            Ok(kept) => kept,
            Err(error) => {
                self.unplaced.give_back(joined);
                return Err(error.into());
            }
        };
        metrics::histogram!(APPEND_SECONDS).record(begin.elapsed());
        metrics::counter!(ACCEPTED, "surface" => surface.as_str()).increment((kept.new + kept.duplicates) as u64);
        metrics::counter!(STORED).increment(kept.new as u64);
        metrics::counter!(DUPLICATES).increment(kept.duplicates as u64);
        Ok(kept)
    }
}

/// Counts something that a client sent and that is not kept.
pub(crate) fn count_rejected(surface: Surface, reason: &'static str) {
    metrics::counter!(REJECTED, "surface" => surface.as_str(), "reason" => reason).increment(1);
    quarantine::saw_refusal(surface, reason);
}

/// Counts what is rejected of a request that is kept otherwise.
pub(crate) fn count_all_rejected(surface: Surface, rejected: &[Rejection]) {
    for rejection in rejected {
        quarantine::saw_place(rejection);
        count_rejected(surface, rejection.reason.as_str());
    }
}

/// This moment, by the wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
