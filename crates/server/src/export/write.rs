//! Writes what a list holds, page by page, to whoever reads at the other end: nobody waits for more than one page, and what is in
//! memory is bounded.
//!
//! NOTE: an answer that could not be finished ends without its last chunk (RFC 9112, section 8), so that no reader takes a part
//! for the whole.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use neuraltrust_model::{SpanId, TraceId};
use neuraltrust_store::{
    ConversationRow, Cursor, Field, Filter, ListOf, ListQuery, Order, OrderBy, Page, ProjectStore, SpanRow, Store, StoreError,
    TraceRow, WholeSpan,
};
use parquet::errors::ParquetError;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::columns::{self, Column};
use super::manifest::{Manifest, hex};
use super::{Format, List, columnar, values};
use crate::ingest::now;

/// Rows that are listed at a time where all are wanted.
const PAGE: usize = 1_000;
/// Bytes of contents that are read at a time.
const BUDGET: usize = 4 << 20;
/// Bytes of steps in a line; a conversation or trace with more goes on on a further line.
const LINE_BYTES: usize = 16 << 20;
/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a slow reader.
const WAITING: usize = 4;
/// Longest wait for a reader to take a piece.
const PATIENCE: Duration = Duration::from_secs(120);
/// Exports that are written at a time.
const AT_A_TIME: usize = 8;
/// Longest wait for the lists to show what had come in before.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The trailer that holds the manifest.
pub(crate) const TRAILER: &str = "neuraltrust-manifest";

static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);

/// Why an export was broken off, or not begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be written as JSON.
    #[error("write a row")]
    Row(#[from] serde_json::Error),
    /// A row cannot be written as Parquet.
    #[error("write a row group")]
    Parquet(#[from] ParquetError),
    /// Nobody reads any more, or too slowly.
    #[error("nobody reads any more")]
    Gone,
    /// The server ends.
    #[error("the server ends")]
    Ending,
    /// As many as may are written already.
    #[error("{AT_A_TIME} exports are being written already")]
    Busy,
}

/// What is wanted.
pub(crate) struct Wanted {
    pub(crate) project: ProjectStore,
    pub(crate) filter: Filter,
    /// Rows of a part; all where it is `None`.
    pub(crate) limit: Option<usize>,
    /// Where the part before ended; `None` for the first.
    pub(crate) place: Option<Place>,
    /// Its begin; what is wanted is what it says.
    pub(crate) manifest: Manifest,
}

/// Where a part ended, and how far the record was when the first part began: what has come in since may come behind. A cursor of
/// a list says the former alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    cursor: Cursor,
    recorded: Option<u64>,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cursor)?;
        self.recorded.map_or(Ok(()), |recorded| write!(f, "-{recorded:x}"))
    }
}

impl FromStr for Place {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let Some((cursor, recorded)) = text.split_once('-') else { return Ok(Self { cursor: text.parse()?, recorded: None }) };
        let recorded = u64::from_str_radix(recorded, 16).map_err(|_| StoreError::Cursor)?;
        Ok(Self { cursor: cursor.parse()?, recorded: Some(recorded) })
    }
}

/// One row of a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Row {
    Conversation(Box<ConversationRow>),
    Trace(Box<TraceRow>),
    Span(Box<SpanRow>),
}

/// A page of rows.
struct Listed {
    rows: Vec<Row>,
    next: Option<Cursor>,
    total: Option<u64>,
    truncated: bool,
}

impl Listed {
    fn of<T>(page: Page<T>, row: impl Fn(Box<T>) -> Row) -> Self {
        let Page { items, next_cursor, total, truncated, .. } = page;
        Self { rows: items.into_iter().map(|item| row(Box::new(item))).collect(), next: next_cursor, total, truncated }
    }
}

impl Wanted {
    async fn page(&self, cursor: Option<Cursor>) -> Result<Listed, StoreError> {
        // The oldest first: what comes in meanwhile comes behind.
        let order = Order { by: OrderBy::Time, ascending: true };
        let query = ListQuery { filter: self.filter.clone(), limit: self.limit.unwrap_or(PAGE), cursor, order };
        Ok(match self.manifest.of {
            List::Conversations => Listed::of(self.project.conversations(query).await?, Row::Conversation),
            List::Traces => Listed::of(self.project.traces(query).await?, Row::Trace),
            List::Spans => Listed::of(self.project.spans(query).await?, Row::Span),
        })
    }
}

/// An export whose first page is known.
pub(crate) struct Begun {
    wanted: Wanted,
    /// How far the record was when the first part began.
    recorded: u64,
    first: Listed,
    turn: SemaphorePermit<'static>,
}

/// Lists the first page; that of a first part once the lists show what had come in before. Parts that go on do not wait: where much
/// comes in, each of them would, for what has come in since.
pub(crate) async fn begin(store: &Store, mut wanted: Wanted) -> Result<Begun, ExportError> {
    let turn = TURNS.try_acquire().map_err(|_| ExportError::Busy)?;
    let recorded = wanted.place.and_then(|place| place.recorded).unwrap_or_else(|| store.progress().recorded);
    let begun = Instant::now();
    while wanted.place.is_none() && store.progress().indexed < recorded && begun.elapsed() < FOLLOWED_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    wanted.manifest.behind = recorded.saturating_sub(store.progress().indexed);
    let first = wanted.page(wanted.place.map(|place| place.cursor)).await?;
    wanted.manifest.total = first.total;
    Ok(Begun { wanted, recorded, first, turn })
}

impl Begun {
    /// Where a part ends: what is to be given for the next one.
    pub(crate) fn next_cursor(&self) -> Option<String> {
        self.wanted.limit.and(self.first.next).map(|cursor| Place { cursor, recorded: Some(self.recorded) }.to_string())
    }

    /// What is known of it before it is written.
    pub(crate) const fn manifest(&self) -> &Manifest {
        &self.wanted.manifest
    }

    /// Whether rows of the first page may be missing.
    pub(crate) const fn truncated(&self) -> bool {
        self.first.truncated
    }

    /// The rows as they are written, and then the manifest as a trailer.
    pub(crate) fn body(self, ending: watch::Receiver<bool>) -> Body {
        let (sender, receiver) = channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let Self { wanted, recorded, first, turn } = self;
            let outlet = Outlet { sender: sender.clone(), ending, waiting: Vec::new(), hash: Sha256::new(), bytes: 0, rows: 0 };
            let written = Writing { wanted, recorded, outlet, truncated: false }.write(first);
            drop(turn);
            match written {
                Ok(()) | Err(ExportError::Gone) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an export was broken off");
                    let broken: Result<Frame<Bytes>, std::io::Error> = Err(std::io::Error::other(error));
                    let _ = sender.blocking_send(broken);
                }
            }
        });
        Body::new(StreamBody::new(ReceiverStream::new(receiver)))
    }
}

/// What goes to the reader.
struct Outlet {
    sender: Sender<Result<Frame<Bytes>, std::io::Error>>,
    ending: watch::Receiver<bool>,
    waiting: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    rows: u64,
}

impl Outlet {
    /// Sends what waits, where it is enough for a piece.
    fn send(&mut self) -> Result<(), ExportError> {
        if self.waiting.len() < PIECE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.hash.update(&self.waiting);
        self.bytes += self.waiting.len() as u64;
        let piece = Bytes::from(std::mem::take(&mut self.waiting));
        self.frame(Frame::data(piece))
    }

    fn frame(&self, frame: Frame<Bytes>) -> Result<(), ExportError> {
        if *self.ending.borrow() {
            return Err(ExportError::Ending);
        }
        let sent = Handle::current().block_on(tokio::time::timeout(PATIENCE, self.sender.send(Ok(frame))));
        sent.ok().and_then(Result::ok).ok_or(ExportError::Gone)
    }
}

/// How rows become bytes.
enum Form {
    Lines,
    Values(Vec<Column>),
    Parquet(Box<columnar::Writer>),
}

struct Writing {
    wanted: Wanted,
    recorded: u64,
    outlet: Outlet,
    truncated: bool,
}

impl Writing {
    fn write(mut self, first: Listed) -> Result<(), ExportError> {
        let Manifest { of, format, full, .. } = self.wanted.manifest;
        let columns = columns::of(of, full);
        let mut form = match format {
            Format::Jsonl => Form::Lines,
            Format::Csv => Form::Values(columns),
            Format::Parquet => Form::Parquet(Box::new(columnar::Writer::new(&columns, &self.wanted.manifest)?)),
        };
        // A part that goes on from another is put behind it.
        if let (Form::Values(columns), None) = (&form, self.wanted.place) {
            values::names(columns, &mut self.outlet.waiting);
        }
        let mut page = first;
        let cursor = loop {
            self.truncated |= page.truncated;
            self.rows(&mut form, &page.rows)?;
            match page.next {
                Some(next) if self.wanted.limit.is_none() => page = Handle::current().block_on(self.wanted.page(Some(next)))?,
                next => break next,
            }
        };
        if let Form::Parquet(writer) = form {
            writer.end(&mut self.outlet.waiting)?;
        }
        self.outlet.flush()?;
        let Self { wanted, recorded, outlet, truncated } = self;
        let manifest = Manifest {
            done_at: Some(now().to_string()),
            rows: outlet.rows,
            bytes: outlet.bytes,
            sha256: hex(outlet.hash.clone()),
            truncated,
            cursor: cursor.map(|cursor| Place { cursor, recorded: Some(recorded) }.to_string()),
            ..wanted.manifest
        };
        match HeaderValue::try_from(manifest.header()) {
            Ok(value) => {
                let trailer = HeaderMap::from_iter([(HeaderName::from_static(TRAILER), value)]);
                outlet.frame(Frame::trailers(trailer))
            }
            Err(_) => Ok(()),
        }
    }

    fn rows(&mut self, form: &mut Form, rows: &[Row]) -> Result<(), ExportError> {
        if !self.wanted.manifest.full {
            return rows.iter().try_for_each(|row| self.row(form, row));
        }
        let spans = rows.iter().filter_map(|row| if let Row::Span(span) = row { Some(&**span) } else { None });
        self.whole(spans.collect(), |this, span| this.row(form, &span))?;
        rows.iter().filter(|row| !matches!(row, Row::Span(_))).try_for_each(|row| self.with_steps(row))
    }

    fn row(&mut self, form: &mut Form, row: &impl Serialize) -> Result<(), ExportError> {
        let out = &mut self.outlet.waiting;
        match form {
            Form::Lines => {
                serde_json::to_writer(&mut *out, row)?;
                out.push(b'\n');
            }
            Form::Values(columns) => values::row(columns, self.wanted.manifest.guard, &serde_json::to_value(row)?, out),
            Form::Parquet(writer) => writer.row(&serde_json::to_value(row)?, out)?,
        }
        self.outlet.rows += 1;
        self.outlet.send()
    }

    /// Reads spans with their contents, those of a trace beside each other; what has gone meanwhile is left out. Behind the first span
    /// of a trace comes what is known of those that have not come.
    fn whole(
        &mut self,
        spans: Vec<&SpanRow>,
        mut each: impl FnMut(&mut Self, WholeSpan) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut places: HashMap<&TraceId, usize> = HashMap::new();
        let mut traces: Vec<(&TraceId, Vec<SpanId>)> = Vec::new();
        for span in spans {
            let place = *places.entry(&span.trace_id).or_insert(traces.len());
            match traces.get_mut(place) {
                Some((_, ids)) => ids.push(span.span_id.clone()),
                None => traces.push((&span.trace_id, vec![span.span_id.clone()])),
            }
        }
        for (trace, mut ids) in traces {
            while !ids.is_empty() {
                let read = self.wanted.project.whole_spans(trace.clone(), ids.clone(), BUDGET);
                let (whole, done) = Handle::current().block_on(read)?;
                ids.drain(..done.clamp(1, ids.len()));
                whole.into_iter().try_for_each(|span| each(self, span))?;
            }
        }
        Ok(())
    }

    /// The line of a conversation or trace with its steps; where they are too many for one line, several, each with the row.
    fn with_steps(&mut self, row: &Row) -> Result<(), ExportError> {
        let filter = match row {
            Row::Conversation(row) => Filter::equals(Field::ConversationId, row.conversation_id.as_str()),
            Row::Trace(row) => Filter::equals(Field::TraceId, row.trace_id.as_str()),
            Row::Span(_) => return Ok(()),
        };
        let mut head = serde_json::to_vec(row)?;
        head.pop();
        head.extend(b",\"steps\":[");
        let mut in_line = 0;
        self.outlet.waiting.extend(&head);
        let order = Order { by: OrderBy::Time, ascending: true };
        let mut cursor = None;
        loop {
            let query = ListQuery { filter: filter.clone(), limit: PAGE, cursor, order };
            let page = Handle::current().block_on(self.wanted.project.spans(query))?;
            self.whole(page.items.iter().collect(), |this, span| {
                let text = serde_json::to_vec(&span)?;
                let out = &mut this.outlet.waiting;
                if in_line > 0 && in_line + text.len() > LINE_BYTES {
                    out.extend(b"]}\n");
                    out.extend(&head);
                    this.outlet.rows += 1;
                    in_line = 0;
                } else if in_line > 0 {
                    out.push(b',');
                }
                in_line += text.len();
                this.outlet.waiting.extend(text);
                this.outlet.send()
            })?;
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        self.outlet.waiting.extend(b"]}\n");
        self.outlet.rows += 1;
        self.outlet.send()
    }
}

/// The list of the store.
impl From<List> for ListOf {
    fn from(list: List) -> Self {
        match list {
            List::Conversations => Self::Conversations,
            List::Traces => Self::Traces,
            List::Spans => Self::Spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_on_at_a_place_or_behind_a_row_of_a_list() {
        for (text, recorded) in [("time.1f.2-3e8", Some(1_000)), ("time.1f.2-0", Some(0)), ("time..ff", None)] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.recorded, place.to_string().as_str()), (recorded, text));
        }
        for bad in ["", "x", "-", "-1", "time.1f.2-", "time.1f.2-x", "time.1f.2-1-1"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
