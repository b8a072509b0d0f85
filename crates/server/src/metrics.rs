//! Names of the metrics, and what is measured of every request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use neuraltrust_store::{DiskFiles, Store, StoreError};

use crate::http::App;
use crate::sources::Losses;

/// Spans and verdicts taken from a client, by `surface`.
pub(crate) const ACCEPTED: &str = "neuraltrust_accepted_total";
/// Items and requests refused, by `surface` and `reason`.
pub(crate) const REJECTED: &str = "neuraltrust_rejected_total";
/// Patches on disk.
pub(crate) const STORED: &str = "neuraltrust_stored_total";
/// Patches that had come before.
pub(crate) const DUPLICATES: &str = "neuraltrust_duplicates_total";
/// Open steps that were marked as unfinished.
pub(crate) const UNFINISHED: &str = "neuraltrust_unfinished_total";
/// Exports of metrics, which are taken and not kept, by `surface`.
pub(crate) const METRIC_EXPORTS: &str = "neuraltrust_metric_exports_total";
/// Those who listen at `/api/v1/live`.
pub(crate) const LISTENERS: &str = "neuraltrust_live_listeners";
/// Listeners that were dropped because they were too slow.
pub(crate) const LISTENERS_DROPPED: &str = "neuraltrust_live_dropped_total";
/// Connections and streams that were dropped because their other end took nothing.
pub(crate) const STALLED: &str = "neuraltrust_stalled_connections_total";
/// Seconds from having decoded a request to having it on disk.
pub(crate) const APPEND_SECONDS: &str = "neuraltrust_append_seconds";
/// Seconds from the head of a request to the head of its answer, by `method`, `route` and `status`.
const REQUEST_SECONDS: &str = "neuraltrust_http_request_seconds";
/// Number of the last patch on disk.
const RECORDED: &str = "neuraltrust_recorded_seq";
/// Number of the last patch that the lists show.
const INDEXED: &str = "neuraltrust_indexed_seq";
/// Patches on disk that the lists do not show yet.
const LAG: &str = "neuraltrust_index_lag";
/// Bytes on disk, by `cause`: `record`, `free` (room in the record), `log`, `index`, `other`.
const DISK_BYTES: &str = "neuraltrust_disk_bytes";
/// Erasures that are not done yet.
const ERASURES_OPEN: &str = "neuraltrust_erasures_open";

/// Spans of our SDKs that never arrived, over the sources that are remembered.
const MISSING: &str = "neuraltrust_missing_spans";
/// Starts and ends of steps that our SDKs dropped themselves, as they say, over the sources that are remembered.
const DROPPED: &str = "neuraltrust_client_dropped";

/// Upper bounds in seconds: from a cache hit to a client's patience.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Starts to count, for the whole process.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    let handle =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?.install_recorder()?;
    metrics::describe_counter!(ACCEPTED, "Spans and verdicts taken from clients");
    metrics::describe_counter!(REJECTED, "Items and requests refused");
    metrics::describe_counter!(STORED, "Patches on disk");
    metrics::describe_counter!(DUPLICATES, "Patches that had come before");
    metrics::describe_counter!(UNFINISHED, "Open steps that were marked as unfinished");
    metrics::describe_counter!(METRIC_EXPORTS, "Exports of metrics, which are not kept");
    metrics::describe_gauge!(LISTENERS, "Those who follow what changes");
    metrics::describe_counter!(LISTENERS_DROPPED, "Listeners that were dropped because they were too slow");
    metrics::describe_counter!(STALLED, "Connections and streams that were dropped because their other end took nothing");
    metrics::describe_histogram!(APPEND_SECONDS, "Seconds to put a request on disk");
    metrics::describe_histogram!(REQUEST_SECONDS, "Seconds to answer a request");
    metrics::describe_gauge!(RECORDED, "Number of the last patch on disk");
    metrics::describe_gauge!(INDEXED, "Number of the last patch in the lists");
    metrics::describe_gauge!(LAG, "Patches on disk that the lists do not show yet");
    metrics::describe_gauge!(DISK_BYTES, "Bytes on disk, by cause");
    metrics::describe_gauge!(ERASURES_OPEN, "Erasures that are not done yet");
    metrics::describe_gauge!(MISSING, "Spans that never arrived, though later ones of their source did");
    metrics::describe_gauge!(DROPPED, "Messages that clients dropped themselves, as they say");
    Ok(handle)
}

/// Everything counted so far, in Prometheus' text format 0.0.4.
pub(crate) async fn render(handle: &PrometheusHandle, store: &Store, losses: Losses) -> String {
    let progress = store.progress();
    metrics::gauge!(RECORDED).set(progress.recorded as f64);
    metrics::gauge!(INDEXED).set(progress.indexed as f64);
    metrics::gauge!(LAG).set(progress.recorded.saturating_sub(progress.indexed) as f64);
    metrics::gauge!(MISSING).set(losses.missing as f64);
    metrics::gauge!(DROPPED).set(losses.dropped as f64);
    if let Err(error) = measure_disk(store).await {
        // The rest is told all the same, and these as they were.
        tracing::warn!(error = &error as &dyn std::error::Error, "the disk cannot be measured");
    }
    handle.run_upkeep();
    handle.render()
}

/// Looks at what is cheap to see: files, and the few erasures that are open.
async fn measure_disk(store: &Store) -> Result<(), StoreError> {
    let DiskFiles { record, free, log, index, other } = store.disk_files().await?;
    for (cause, bytes) in [("record", record), ("free", free), ("log", log), ("index", index), ("other", other)] {
        metrics::gauge!(DISK_BYTES, "cause" => cause).set(bytes as f64);
    }
    metrics::gauge!(ERASURES_OPEN).set(store.open_erasures().await? as f64);
    Ok(())
}

/// Measures each request, under its route rather than its path, so that ids make no new series.
pub(crate) async fn measure(State(_): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().to_string();
    let route = path.map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!(REQUEST_SECONDS, "method" => method, "route" => route, "status" => status).record(begin.elapsed());
    response
}
