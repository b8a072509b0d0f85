//! What clients say of a span without naming its trace: feedback, verdicts, files. It goes where the span is, whether that came
//! before or comes afterwards.
//!
//! NOTE: bounded. Of what waits the oldest is forgotten where there is too much of it, and all of it when the server ends. It is on
//! disk all the same, in a trace with the name of the span, which no list shows as long as nothing else is in it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use neuraltrust_model::{SpanId, SpanPatch, TraceId};
use neuraltrust_store::{Field, Filter, Grant, ListQuery, ProjectId, Test, Value};

use crate::error::ApiError;
use crate::http::App;
use crate::ingest::Surface;

/// Spans that are waited for.
const WAITED_FOR: usize = 100_000;
/// Bytes of what waits, about.
const WAITING_BYTES: usize = 32 << 20;
/// Spans that are looked for in one read of the lists.
const LOOKED_UP_AT_ONCE: usize = 100;
/// Spans that are looked for on behalf of one request.
const LOOKED_UP: usize = 1_000;
/// Rows of spans that are looked at for each: ids of spans need not be different in different traces.
const LOOKED_AT: usize = 4;
/// How long a request is held up until the lists show what came before it.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks whether they do.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The number of a project, and a span in it.
type Key = (i64, SpanId);

/// What waits for its span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unplaced(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// How many spans are waited for, to be read without waiting for anybody.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    of: HashMap<Key, Vec<Waits>>,
    /// Spans that were waited for in this order; some are not any more.
    oldest: VecDeque<Key>,
    bytes: usize,
}

/// A patch that waits, and how many bytes it takes up, about.
#[derive(Debug, Clone)]
struct Waits {
    patch: SpanPatch,
    bytes: usize,
}

/// What was added to spans that came in, to be given back where they could not be kept.
#[derive(Debug, Default)]
pub(crate) struct Joined(Vec<(Key, Waits)>);

impl Waiting {
    fn take(&mut self, key: &Key) -> Vec<Waits> {
        let taken = self.of.remove(key).unwrap_or_default();
        self.bytes -= taken.iter().map(|waits| waits.bytes).sum::<usize>();
        taken
    }
}

impl Unplaced {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, key: Key, waits: Waits) {
        let mut waiting = self.waiting();
        if !waiting.of.contains_key(&key) {
            waiting.oldest.push_back(key.clone());
        }
        waiting.bytes += waits.bytes;
        waiting.of.entry(key).or_default().push(waits);
        while waiting.oldest.len() > WAITED_FOR || waiting.bytes > WAITING_BYTES {
            let Some(forgotten) = waiting.oldest.pop_front() else { break };
            waiting.take(&forgotten);
        }
        self.0.count.store(waiting.of.len(), Ordering::Relaxed);
    }

    /// What waits for spans, in the traces where these are; it waits no more.
    fn take(&self, project: i64, found: impl IntoIterator<Item = (SpanId, TraceId)>) -> Vec<(Key, Waits)> {
        let mut waiting = self.waiting();
        let mut placed = Vec::new();
        for (span, trace) in found {
            let key = (project, span);
            for mut waits in waiting.take(&key) {
                waits.patch.trace_id = trace.clone();
                placed.push((key.clone(), waits));
            }
        }
        self.0.count.store(waiting.of.len(), Ordering::Relaxed);
        placed
    }

    /// What waits for these spans, and goes on waiting, as it can be kept meanwhile: in a trace of the wrong name nothing of it may
    /// be a span of its own.
    fn meanwhile(&self, project: i64, spans: &[SpanId]) -> Vec<SpanPatch> {
        let waiting = self.waiting();
        let of = |span: &SpanId| waiting.of.get(&(project, span.clone())).cloned().unwrap_or_default();
        let stripped = |waits: Waits| SpanPatch { kind: None, start: None, end: None, ..waits.patch };
        spans.iter().flat_map(of).map(stripped).collect()
    }

    /// Adds to spans that come in what has waited for them.
    pub(crate) fn join(&self, project: i64, patches: &mut Vec<SpanPatch>) -> Joined {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return Joined::default();
        }
        // What only adds to a span is not the span.
        let spans = patches.iter().filter(|patch| patch.kind.is_some() || patch.start.is_some());
        let joined = self.take(project, spans.map(|patch| (patch.span_id.clone(), patch.trace_id.clone())));
        patches.extend(joined.iter().map(|(_, waits)| waits.patch.clone()));
        Joined(joined)
    }

    /// Has wait again what was added to spans that could not be kept.
    pub(crate) fn give_back(&self, joined: Joined) {
        joined.0.into_iter().for_each(|(key, waits)| self.wait(key, waits));
    }
}

/// Something that is said without a trace.
pub(crate) struct Said {
    /// The span in whose trace it belongs.
    pub(crate) of: SpanId,
    /// What is said, in any trace.
    pub(crate) patch: SpanPatch,
    /// How many bytes it takes up, about.
    pub(crate) bytes: usize,
}

impl Said {
    /// A verdict on a span.
    pub(crate) fn verdict(patch: SpanPatch) -> Self {
        let bytes = 512 + patch.scores.iter().filter_map(|score| score.comment.as_ref()).map(String::len).sum::<usize>();
        Self { of: patch.span_id.clone(), patch, bytes }
    }
}

/// The traces in which spans are, as the lists know them: they lag behind by up to a second.
pub(crate) async fn traces_of(app: &App, project: ProjectId, spans: &[SpanId]) -> Result<HashMap<SpanId, TraceId>, ApiError> {
    let mut found = HashMap::new();
    for some in spans.chunks(LOOKED_UP_AT_ONCE).take(LOOKED_UP / LOOKED_UP_AT_ONCE) {
        let ids = some.iter().map(|span| Value::Text(span.as_str().to_owned())).collect();
        let filter = Filter::Is(Field::SpanId.into(), Test::OneOf(ids));
        let query = ListQuery { filter, limit: some.len() * LOOKED_AT, ..ListQuery::default() };
        for row in app.store.project(project).spans(query).await?.items {
            found.entry(row.span_id).or_insert(row.trace_id);
        }
    }
    Ok(found)
}

/// Puts what is said into the traces of its spans and has wait what is said of spans that have not come; returns what is to be kept now.
/// Where the lists lag behind, the request is held up for as long as that is likely to help its client to read what it said.
///
/// # Errors
/// Where the lists cannot be read.
pub(crate) async fn place(app: &App, grant: &Grant, surface: Surface, said: Vec<Said>) -> Result<Vec<SpanPatch>, ApiError> {
    let (unplaced, project) = (app.ingest.unplaced(), grant.project.get());
    let spans: Vec<SpanId> = said.iter().map(|said| said.of.clone()).collect();
    let found = traces_of(app, grant.project, &spans).await?;
    let (mut kept, mut missing) = (Vec::with_capacity(said.len()), Vec::new());
    for Said { of, mut patch, bytes } in said {
        if let Some(trace) = found.get(&of) {
            patch.trace_id = trace.clone();
            kept.push(patch);
        } else {
            // From now on a span that comes in finds it; one that has come already is found below.
            unplaced.wait((project, of.clone()), Waits { patch, bytes });
            missing.push(of);
        }
    }
    if missing.is_empty() {
        return Ok(kept);
    }
    missing.sort_unstable();
    missing.dedup();
    let recorded = app.store.progress().recorded;
    if tokio::time::timeout(PATIENCE, caught_up(app, recorded)).await.is_ok() {
        let found = traces_of(app, grant.project, &missing).await?;
        kept.extend(unplaced.take(project, found).into_iter().map(|(_, waits)| waits.patch));
    } else {
        let (app, grant, missing) = (app.clone(), grant.clone(), missing.clone());
        tokio::spawn(async move {
            if let Err(error) = look_again(&app, &grant, surface, recorded, &missing).await {
                error.log();
                tracing::warn!(detail = error.detail, "what waits for a span cannot be put into its trace");
            }
        });
    }
    kept.extend(unplaced.meanwhile(project, &missing));
    Ok(kept)
}

/// Waits until the lists show everything up to that patch.
async fn caught_up(app: &App, recorded: u64) {
    let mut ending = app.ending.clone();
    while app.store.progress().indexed < recorded && !*ending.borrow_and_update() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks once more for spans that had come before what waits for them, when the lists show them.
async fn look_again(app: &App, grant: &Grant, surface: Surface, recorded: u64, spans: &[SpanId]) -> Result<(), ApiError> {
    caught_up(app, recorded).await;
    let found = traces_of(app, grant.project, spans).await?;
    let placed = app.ingest.unplaced().take(grant.project.get(), found);
    if !placed.is_empty() {
        app.ingest.append(surface, grant, placed.into_iter().map(|(_, waits)| waits.patch).collect()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use neuraltrust_model::Kind;

    fn patch(trace: &str, span: &str) -> SpanPatch {
        SpanPatch::new(TraceId::new(trace).unwrap(), SpanId::new(span).unwrap())
    }

    fn wait(unplaced: &Unplaced, span: &str, bytes: usize) {
        let patch = SpanPatch { kind: Some(Kind::Event), ..patch(span, "file") };
        unplaced.wait((1, SpanId::new(span).unwrap()), Waits { patch, bytes });
    }

    #[test]
    fn what_waits_goes_where_its_span_comes_in() {
        let unplaced = Unplaced::default();
        wait(&unplaced, "s", 1);
        assert_eq!(unplaced.meanwhile(1, &[SpanId::new("s").unwrap()]), [patch("s", "file")]);
        let mut others = vec![patch("t", "s"), SpanPatch { kind: Some(Kind::Tool), ..patch("t", "other") }];
        unplaced.join(1, &mut others);
        assert_eq!(others.len(), 2, "neither is that span");
        let span = || vec![SpanPatch { kind: Some(Kind::Tool), ..patch("t", "s") }];
        let mut of_another = span();
        unplaced.join(2, &mut of_another);
        assert_eq!(of_another, span(), "projects know nothing of each other");
        let mut spans = span();
        let joined = unplaced.join(1, &mut spans);
        assert_eq!(spans.pop().unwrap(), SpanPatch { kind: Some(Kind::Event), ..patch("t", "file") });
        unplaced.give_back(joined);
        unplaced.join(1, &mut spans);
        assert_eq!(spans.pop().unwrap().span_id.as_str(), "file");
        unplaced.join(1, &mut spans);
        assert_eq!((spans, unplaced.0.count.load(Ordering::Relaxed)), (span(), 0), "it is there once");
    }

    /// How many spans are waited for, and the bytes of it.
    fn held(unplaced: &Unplaced) -> (usize, usize) {
        let waiting = unplaced.waiting();
        (waiting.of.len(), waiting.bytes)
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let unplaced = Unplaced::default();
        (0..10).for_each(|n| wait(&unplaced, &n.to_string(), WAITING_BYTES / 4));
        assert_eq!(held(&unplaced), (4, WAITING_BYTES));
        (0..=WAITED_FOR).for_each(|n| wait(&unplaced, &format!("small {n}"), 0));
        assert_eq!(held(&unplaced), (WAITED_FOR, 0));
    }
}
