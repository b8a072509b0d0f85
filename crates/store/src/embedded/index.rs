//! The index: what lists, filters, full text and facets are answered from. Derived: it can be deleted at any time.
//!
//! One Tantivy document for each span, trace and conversation, told apart by `scope`. A document is replaced whole, by its
//! `key`. The payload of each commit says up to which patch of the record the index is complete.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use neuraltrust_model::{Span, TraceId};
use serde::Serialize;
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::OpenReadError;
use tantivy::index::SegmentId;
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::{
    BytesOptions, FAST, Field as IndexField, INDEXED, IndexRecordOption, JsonObjectOptions, OwnedValue, STORED, Schema,
    TextFieldIndexing, TextOptions,
};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, SegmentReader, TantivyDocument, TantivyError, Term,
};

use super::aggregate::Memory;
use super::facts::Facts;
use super::silence;
use super::text::{self, WordTokenizer};
use crate::fields::{Field, FieldType, Root, Value};
use crate::rows::{ConversationRow, SpanRow, TraceRow};
use crate::{ListOf, ProjectId, StoreError};

/// Format of the index. An index of another format is made anew from the record.
const FORMAT: u32 = 8;
/// Memory for documents before they are written to a segment; Tantivy's least is 15 MB.
const WRITER_BYTES: usize = 48_000_000;
/// Bytes of a key: a hash of what a document is about. Among a billion documents two have the same once in 10^11 indexes.
const KEY_BYTES: usize = 12;
/// Rows are compressed together in blocks of about so many bytes, and a block is read to read one of its rows.
const ROW_BLOCK: usize = 32 << 10;
/// What the system says of a device that cannot be read or written (POSIX, `errno.h`; 5 on Linux, macOS and the BSDs).
const EIO: i32 = 5;
/// Most threads that answer one query, each on segments of its own.
const SEARCH_THREADS: usize = 8;

/// Least and most merges at a time, one for each core between: each holds its segments in memory, and one beside a long one keeps the
/// small ones few.
const MERGES: [usize; 2] = [2, 4];
/// A segment of whose documents more than this share was replaced or removed is written anew without them.
const MERGE_FROM_DELETED: f32 = 0.3;
/// Longest time in which segments are written anew to be rid of what was removed; others may be merged at the same time.
const PURGE_WITHIN: Duration = Duration::from_secs(300);
/// Pause before segments that are being merged are looked for again.
const PURGE_PAUSE: Duration = Duration::from_millis(500);
/// How long a process that ends waits for merges.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// Name of the column that tells when an open trace was last heard of.
pub(super) const HEARD_AT: &str = "heard_at";
/// Name of the columns of judgements that are kept with a span, of whatever.
pub(super) const JUDGED: &str = "judged";

/// The fields of a document.
///
/// A text that rows are grouped by is in a dictionary and in a column; one that is different in nearly every row only in a
/// dictionary; a number or time only in a column, which ranges are read from. No norms are kept, because nothing is
/// ranked, and no positions but those of words.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// Unique among all documents.
    pub(super) key: IndexField,
    /// Which list of which project the document is in.
    pub(super) scope: IndexField,
    /// The project and trace that a span or trace is a part of: by it all that is known of a trace can be taken away.
    pub(super) part_of: IndexField,
    /// Names of the fields without a column that the document has.
    pub(super) has: IndexField,
    /// Nanoseconds since the epoch, by which lists are ordered.
    pub(super) time: IndexField,
    /// Orders documents of the same time: a hash of what they are about.
    pub(super) tie: IndexField,
    /// Words that the span brought in.
    pub(super) text: IndexField,
    /// The row as JSON.
    pub(super) row: IndexField,
    /// Of a trace that has an open span: its project and id. No other document has it.
    pub(super) open: IndexField,
    /// Of a trace that has an open span: when it was last heard of.
    pub(super) heard_at: IndexField,
    /// Judgements that are kept with a span, of whatever, by name.
    pub(super) judged: IndexField,
    by_field: Vec<IndexField>,
    by_root: [IndexField; Root::ALL.len()],
}

/// Name of the column that lists are ordered by.
pub(super) const TIME: &str = "time";
/// Name of the column that orders documents of the same time.
pub(super) const TIE: &str = "tie";

impl Fields {
    /// The index field of a field of the API.
    pub(super) fn of(&self, field: Field) -> IndexField {
        self.by_field[field as usize]
    }

    /// The index field that holds everything below a root.
    pub(super) fn below(&self, root: Root) -> IndexField {
        self.by_root[root as usize]
    }

    /// What the document of one thing of a list is found by.
    pub(super) fn key_of(&self, project: ProjectId, list: ListOf, key: &str) -> Term {
        Term::from_field_bytes(self.key, &hash(project, list, key).0)
    }
}

/// A text that is compared as a whole.
fn whole() -> TextFieldIndexing {
    TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::Basic).set_fieldnorms(false)
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let listed = || TextOptions::default().set_indexing_options(whole());
    let words = TextFieldIndexing::default()
        .set_tokenizer(text::NAME)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    let below = || JsonObjectOptions::default().set_indexing_options(whole()).set_fast("raw").set_expand_dots_enabled();
    let fields = Fields {
        key: schema.add_bytes_field("key", BytesOptions::default().set_indexed()),
        scope: schema.add_text_field("scope", listed()),
        part_of: schema.add_text_field("part_of", listed()),
        has: schema.add_text_field("has", listed()),
        time: schema.add_i64_field(TIME, FAST),
        tie: schema.add_u64_field(TIE, FAST),
        text: schema.add_text_field("text", TextOptions::default().set_indexing_options(words)),
        row: schema.add_bytes_field("row", STORED),
        open: schema.add_text_field("open", STORED),
        heard_at: schema.add_i64_field(HEARD_AT, FAST),
        judged: schema.add_json_field(JUDGED, below()),
        by_field: Field::ALL
            .iter()
            .map(|field| {
                let name = column(*field);
                match field.of_type() {
                    FieldType::Keyword => schema.add_text_field(&name, listed().set_fast("raw")),
                    FieldType::Id => schema.add_text_field(&name, listed()),
                    FieldType::Count | FieldType::Millis => schema.add_u64_field(&name, FAST),
                    FieldType::Number => schema.add_f64_field(&name, FAST),
                    FieldType::Time => schema.add_i64_field(&name, FAST),
                    FieldType::Flag => schema.add_bool_field(&name, FAST | INDEXED),
                }
            })
            .collect(),
        by_root: Root::ALL.map(|root| schema.add_json_field(root.as_str(), below())),
    };
    (schema.build(), fields)
}

/// The name of a field's column. A dot in a name is for Tantivy a step into JSON.
pub(super) fn column(field: Field) -> String {
    field.as_str().replace('.', "_")
}

/// A duration as its column has it: in nanoseconds.
pub(super) fn nanos(millis: f64) -> f64 {
    (millis * NANOS_PER_MILLI).round()
}

/// What a column of milliseconds counts in.
pub(super) const NANOS_PER_MILLI: f64 = 1e6;

/// The scope of a list of a project.
pub(super) fn scope(project: ProjectId, list: ListOf) -> String {
    let list = match list {
        ListOf::Conversations => 'c',
        ListOf::Traces => 't',
        ListOf::Spans => 's',
    };
    format!("{list}{}", project.get())
}

/// What a trace's spans and the trace itself are a part of.
pub(super) fn part_of(project: ProjectId, trace: &TraceId) -> String {
    format!("{}/{trace}", project.get())
}

/// What tells a span among those of its project.
pub(super) fn span_key(row: &SpanRow) -> String {
    format!("{}/{}", row.trace_id, row.span_id)
}

/// The index, open. Where its files turn out to be damaged, an empty one takes their place under everyone who holds it.
#[derive(Clone)]
pub(super) struct SearchIndex {
    pub(super) fields: Fields,
    pub(super) reader: Reader,
    /// For those who aggregate.
    pub(super) memory: Memory,
    path: PathBuf,
}

/// What the index is read with.
#[derive(Clone)]
pub(super) struct Reader(Arc<RwLock<Opened>>);

/// An index of Tantivy.
#[derive(Clone)]
struct Opened {
    reader: IndexReader,
    index: Index,
}

impl Reader {
    fn opened(&self) -> Opened {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The index as it was last reloaded.
    pub(super) fn searcher(&self) -> Searcher {
        self.opened().reader.searcher()
    }

    /// Makes what was committed visible.
    pub(super) fn reload(&self) -> tantivy::Result<()> {
        self.opened().reader.reload()
    }
}

impl std::fmt::Debug for SearchIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SearchIndex")
    }
}

/// What the payload of a commit says.
#[derive(Debug, Serialize, serde::Deserialize)]
struct Payload {
    format: u32,
    #[serde(flatten)]
    reach: Reach,
}

/// How far the index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct Reach {
    /// It is complete up to this patch.
    #[serde(rename = "seq")]
    pub(super) complete: u64,
    /// It may hold something of the patches up to this one.
    pub(super) touched: u64,
}

impl SearchIndex {
    /// Opens the index, or makes an empty one where there is none, where it is damaged and where its format is another.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        match catch_unwind(|| Self::try_open(path)) {
            Ok(Ok(Some(index))) => return Ok(index),
            Ok(Ok(None)) => tracing::info!("the index has another format; it is made anew from the record"),
            Ok(Err(error)) => tracing::warn!(%error, "the index cannot be opened; it is made anew from the record"),
            // Tantivy may panic over what a damaged file says.
            Err(_) => tracing::warn!("the index is damaged; it is made anew from the record"),
        }
        Self::make(path)
    }

    /// An empty index in the place of what is there.
    fn make(path: &Path) -> Result<Self, StoreError> {
        Self::remove(path)?;
        Self::try_open(path).map_err(StoreError::index("make"))?.ok_or(StoreError::Stopped)
    }

    /// Puts an empty index in the place of this one; it is complete up to nothing. There must be no writer.
    pub(super) fn empty(&self) -> Result<(), StoreError> {
        let empty = Self::make(&self.path)?.reader.opened();
        *self.reader.0.write().unwrap_or_else(PoisonError::into_inner) = empty;
        Ok(())
    }

    /// What is wrong with the files of the index, by their checksums; `None` where nothing is. Reads all of them.
    pub(super) fn damage(&self) -> Option<String> {
        let segments = || self.reader.opened().index.searchable_segment_ids().ok();
        loop {
            let before = segments();
            let damage = match self.reader.opened().index.validate_checksum() {
                Ok(damaged) if damaged.is_empty() => return None,
                Ok(damaged) => format!("{damaged:?} is not what its checksum says"),
                Err(error) if is_damage(&error) => error.to_string(),
                Err(_) => return None,
            };
            // A merge takes the files away that it made one of: they were looked for in vain.
            if before == segments() {
                return Some(damage);
            }
        }
    }

    /// Opens the index as it is; `None` where there is none that can be read.
    pub(super) fn open_existing(path: &Path) -> Option<Self> {
        if !path.join("meta.json").exists() {
            return None;
        }
        catch_unwind(|| Self::try_open(path)).ok()?.ok().flatten()
    }

    /// Deletes the index. The next opening makes it anew from the record.
    pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
        match fs::remove_dir_all(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::DataDir { path: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }

    fn try_open(path: &Path) -> tantivy::Result<Option<Self>> {
        fs::create_dir_all(path)?;
        let (schema, fields) = schema();
        let settings = IndexSettings {
            docstore_compression: Compressor::Zstd(ZstdCompressor::default()),
            docstore_blocksize: ROW_BLOCK,
            ..IndexSettings::default()
        };
        let opened = Index::builder().schema(schema).settings(settings).open_or_create(MmapDirectory::open(path)?);
        let mut index = match opened {
            Err(tantivy::TantivyError::SchemaError(_)) => return Ok(None),
            opened => opened?,
        };
        if index.load_metas()?.payload.is_some_and(|payload| read_payload(&payload).is_none()) {
            return Ok(None);
        }
        index.tokenizers().register(text::NAME, TextAnalyzer::from(WordTokenizer));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        index.set_multithread_executor(threads.min(SEARCH_THREADS))?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let reader = Reader(Arc::new(RwLock::new(Opened { reader, index })));
        Ok(Some(Self { fields, reader, memory: Memory::default(), path: path.to_owned() }))
    }

    /// How far the index is.
    pub(super) fn reach(&self) -> Result<Reach, StoreError> {
        let metas = self.reader.opened().index.load_metas().map_err(StoreError::index("read the state"))?;
        Ok(metas.payload.and_then(|payload| read_payload(&payload)).unwrap_or_default())
    }

    /// How many documents there are, and how many its segments hold, those included that were replaced or removed.
    pub(super) fn documents(&self) -> (u64, u64) {
        let searcher = self.reader.searcher();
        let sum = |count: fn(&SegmentReader) -> u32| searcher.segment_readers().iter().map(|s| u64::from(count(s))).sum();
        (sum(SegmentReader::num_docs), sum(SegmentReader::max_doc))
    }

    /// The segments that hold documents which were replaced or removed.
    fn segments_with_deleted(&self) -> tantivy::Result<BTreeSet<SegmentId>> {
        let segments = self.reader.opened().index.searchable_segment_metas()?;
        Ok(segments.into_iter().filter(|segment| segment.has_deletes()).map(|segment| segment.id()).collect())
    }

    /// Whether there are files of segments that no search begins with any more. Who still reads one, or has just merged it, keeps
    /// its files from being deleted.
    fn has_leftovers(&self) -> tantivy::Result<bool> {
        let segments = self.reader.opened().index.searchable_segment_metas()?;
        let live: BTreeSet<String> = segments.into_iter().map(|segment| segment.id().uuid_string()).collect();
        for file in fs::read_dir(&self.path)? {
            let name = file?.file_name();
            let segment = name.to_string_lossy().split_once('.').map(|(segment, _)| segment.to_owned());
            // Other files have other names.
            if segment.is_some_and(|segment| SegmentId::from_uuid_string(&segment).is_ok() && !live.contains(&segment)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A writer; there can be one at a time.
    pub(super) fn writer(&self) -> Result<Documents, StoreError> {
        let index = self.reader.opened().index;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let [least, most] = MERGES;
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_BYTES)
            .num_merge_threads(cores.clamp(least, most))
            .build();
        let writer = index.writer_with_options(options).map_err(StoreError::index("open for writing"))?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(MERGE_FROM_DELETED);
        writer.set_merge_policy(Box::new(policy));
        // A writer gives its first operation the number of the last commit. A merge up to that commit applies it to those of its segments
        // that had nothing removed by the commit, and takes it for done in all: that one removal is lost. So it removes nothing.
        writer.delete_term(Term::from_field_bytes(self.fields.key, &[]));
        Ok(Documents { fields: self.fields.clone(), writer })
    }
}

/// Whether an error says that a file of the index is damaged or gone; not so one of the system that may pass, such as too many
/// open files.
fn is_damage(error: &TantivyError) -> bool {
    let of_the_file = |error: &io::Error| match error.raw_os_error() {
        // What is no error of the system is of what the file says.
        None => true,
        Some(_) => error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(EIO),
    };
    match error {
        TantivyError::IoError(error) | TantivyError::OpenReadError(OpenReadError::IoError { io_error: error, .. }) => {
            of_the_file(error)
        }
        TantivyError::OpenReadError(_) | TantivyError::DataCorruption(_) | TantivyError::IncompatibleIndex(_) => true,
        _ => false,
    }
}

fn read_payload(text: &str) -> Option<Reach> {
    serde_json::from_str::<Payload>(text).ok().filter(|payload| payload.format == FORMAT).map(|payload| payload.reach)
}

/// Whether a document takes the place of an earlier one; to look for one that is not there costs time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// There is none under its key.
    First,
    /// There may be one under its key.
    Anew,
}

/// Puts documents into the index.
pub(super) struct Documents {
    fields: Fields,
    writer: IndexWriter,
}

impl Documents {
    /// Puts a span, with the words that it brought in and what came out of it, where that is an object.
    pub(super) fn put_span(
        &mut self,
        project: ProjectId,
        row: &SpanRow,
        span: &Span,
        text: &str,
        output: Option<&serde_json::Value>,
        put: Put,
    ) -> Result<(), StoreError> {
        let time = row.start_time.unwrap_or(span.received_at).as_nanos();
        let mut document = self.document(project, ListOf::Spans, &span_key(row), time, row, put)?;
        document.add_text(self.fields.part_of, part_of(project, &row.trace_id));
        document.add_text(self.fields.text, text);
        self.add(document, Facts::of_span(row, span, output))
    }

    /// Puts a trace.
    pub(super) fn put_trace(&mut self, project: ProjectId, row: &TraceRow, put: Put) -> Result<(), StoreError> {
        let time = row.totals.start_time.as_nanos();
        let mut document = self.document(project, ListOf::Traces, row.trace_id.as_str(), time, row, put)?;
        document.add_text(self.fields.part_of, part_of(project, &row.trace_id));
        if row.totals.open > 0 {
            document.add_text(self.fields.open, silence::key(project, &row.trace_id));
            document.add_i64(self.fields.heard_at, row.totals.heard_at.as_nanos());
        }
        self.add(document, Facts::of_trace(row))
    }

    /// Puts a conversation.
    pub(super) fn put_conversation(&mut self, project: ProjectId, row: &ConversationRow) -> Result<(), StoreError> {
        let (id, time) = (row.conversation_id.as_str(), row.totals.last_time.as_nanos());
        let document = self.document(project, ListOf::Conversations, id, time, row, Put::Anew)?;
        self.add(document, Facts::of_conversation(row))
    }

    /// Takes the documents of a trace away, and of all of its spans.
    pub(super) fn remove_trace(&mut self, project: ProjectId, trace_id: &TraceId) {
        self.writer.delete_term(Term::from_field_text(self.fields.part_of, &part_of(project, trace_id)));
    }

    /// Takes a document away.
    pub(super) fn remove(&mut self, project: ProjectId, list: ListOf, key: &str) {
        self.writer.delete_term(self.fields.key_of(project, list, key));
    }

    /// Makes everything put so far visible to readers that reload, and durable; `reach` is how far the index is then.
    pub(super) fn commit(&mut self, reach: Reach) -> Result<(), StoreError> {
        let payload =
            serde_json::to_string(&Payload { format: FORMAT, reach }).map_err(StoreError::damaged("the index's state"))?;
        let mut commit = self.writer.prepare_commit().map_err(StoreError::index("commit"))?;
        commit.set_payload(&payload);
        commit.commit().map_err(StoreError::index("commit"))?;
        Ok(())
    }

    /// Writes every segment anew that holds documents which were replaced or removed, so that nothing of them is left on disk.
    /// Everything must have been committed.
    pub(super) fn purge(&mut self, index: &SearchIndex) -> Result<(), StoreError> {
        let failed = || StoreError::index("write segments anew");
        let begin = Instant::now();
        loop {
            // Looked for each time: a merge that was under way has made a segment of its own, with what was removed meanwhile in it.
            let old = index.segments_with_deleted().map_err(failed())?;
            if old.is_empty() {
                index.reader.reload().map_err(failed())?;
                self.writer.garbage_collect_files().wait().map_err(failed())?;
                if !index.has_leftovers().map_err(failed())? {
                    return Ok(());
                }
            }
            if begin.elapsed() > PURGE_WITHIN {
                let left = format!("{} segments are still being merged, or files of others still in use", old.len());
                return Err(failed()(TantivyError::InternalError(left)));
            }
            let mut merged = false;
            for segment in &old {
                // One that is being merged with others goes away with that merge.
                let done = self.writer.merge(&[*segment]).wait();
                merged |= done.is_ok();
                tracing::debug!(?segment, error = ?done.err(), "a segment is written anew");
            }
            if !merged {
                std::thread::sleep(PURGE_PAUSE);
            }
        }
    }

    /// Ends what goes on in the background: nothing touches the files of the index afterwards.
    pub(super) fn end(self) -> Result<(), StoreError> {
        self.writer.wait_merging_threads().map_err(StoreError::index("end merging"))
    }

    /// As [`end`](Self::end), for a process that ends: merges that take long end with it, and what they have written is taken away
    /// when the index is opened again.
    pub(super) fn leave(self) -> Result<(), StoreError> {
        let (done, ended) = channel();
        std::thread::Builder::new()
            .name("index-end".to_owned())
            // Who waits may have given up.
            .spawn(move || drop(done.send(self.end())))
            .map_err(|error| StoreError::index("end merging")(error.into()))?;
        match ended.recv_timeout(LEAVE_WITHIN) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::info!("segments of the index were still being merged; they are merged later");
                Ok(())
            }
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Stopped),
            Ok(ended) => ended,
        }
    }

    /// A document with what each has, in place of the one that has its key.
    fn document(
        &mut self,
        project: ProjectId,
        list: ListOf,
        key: &str,
        time: i64,
        row: &impl Serialize,
        put: Put,
    ) -> Result<TantivyDocument, StoreError> {
        if put == Put::Anew {
            self.remove(project, list, key);
        }
        let (key, tie) = hash(project, list, key);
        let mut document = TantivyDocument::default();
        document.add_bytes(self.fields.key, &key);
        document.add_text(self.fields.scope, scope(project, list));
        document.add_i64(self.fields.time, time);
        document.add_u64(self.fields.tie, tie);
        document.add_bytes(self.fields.row, &serde_json::to_vec(row).map_err(StoreError::damaged("a row as JSON"))?);
        Ok(document)
    }

    fn add(&mut self, mut document: TantivyDocument, facts: Facts) -> Result<(), StoreError> {
        for (field, value) in facts.fields {
            let at = self.fields.of(field);
            match (field.of_type(), value) {
                (FieldType::Id, Value::Text(text)) => {
                    document.add_text(self.fields.has, field.as_str());
                    document.add_text(at, text);
                }
                (_, Value::Text(text)) => document.add_text(at, text),
                (_, Value::Flag(flag)) => document.add_bool(at, flag),
                (_, Value::Time(time)) => document.add_i64(at, time.as_nanos()),
                // Casts of floats to whole numbers stop at the ends of what these hold.
                (FieldType::Count, Value::Number(number)) => document.add_u64(at, number as u64),
                (FieldType::Millis, Value::Number(millis)) => document.add_u64(at, nanos(millis) as u64),
                (_, Value::Number(number)) => document.add_f64(at, number),
            }
        }
        let mut below: [Vec<(String, OwnedValue)>; Root::ALL.len()] = Default::default();
        let owned = |value| match value {
            Value::Text(text) => OwnedValue::Str(text),
            Value::Number(number) => OwnedValue::F64(number),
            Value::Flag(flag) => OwnedValue::Bool(flag),
            Value::Time(time) => OwnedValue::I64(time.as_nanos()),
        };
        for (root, path, value) in facts.paths {
            below[root as usize].push((path, owned(value)));
        }
        if !facts.judged.is_empty() {
            let judged = facts.judged.into_iter().map(|(name, value)| (name, owned(value))).collect();
            document.add_field_value(self.fields.judged, &OwnedValue::Object(judged));
        }
        for (root, values) in Root::ALL.into_iter().zip(below) {
            if !values.is_empty() {
                document.add_field_value(self.fields.below(root), &OwnedValue::Object(values));
            }
        }
        self.writer.add_document(document).map_err(StoreError::index("add a document"))?;
        Ok(())
    }
}

/// The key of a document, and what orders it among those of the same time.
fn hash(project: ProjectId, list: ListOf, key: &str) -> ([u8; KEY_BYTES], u64) {
    let mut hash = blake3::Hasher::new().update(format!("{}/{key}", scope(project, list)).as_bytes()).finalize_xof();
    let (mut key, mut tie) = ([0; KEY_BYTES], [0; 8]);
    hash.fill(&mut key);
    hash.fill(&mut tie);
    (key, u64::from_le_bytes(tie))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_removal_of_a_writer_holds_in_segments_that_are_merged_before_it_commits() {
        let dir = tempfile::tempdir().unwrap();
        let index = SearchIndex::open(dir.path()).unwrap();
        let term = |number: u8| Term::from_field_bytes(index.fields.key, &[number; KEY_BYTES]);
        let begin = || {
            let documents = index.writer().unwrap();
            documents.writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
            documents
        };
        let add = |documents: &Documents, number: u8| {
            let mut document = TantivyDocument::new();
            document.add_bytes(index.fields.key, &[number; KEY_BYTES]);
            documents.writer.add_document(document).unwrap();
        };
        let mut documents = begin();
        add(&documents, 1);
        add(&documents, 2);
        documents.commit(Reach::default()).unwrap();
        add(&documents, 3);
        documents.commit(Reach::default()).unwrap();
        documents.writer.delete_term(term(1));
        documents.commit(Reach::default()).unwrap();
        documents.end().unwrap();

        let mut documents = begin();
        documents.writer.delete_term(term(2));
        let mut segments = index.reader.opened().index.searchable_segment_metas().unwrap();
        segments.sort_by_key(tantivy::SegmentMeta::has_deletes);
        let ids: Vec<SegmentId> = segments.iter().map(tantivy::SegmentMeta::id).collect();
        assert_eq!(ids.len(), 2);
        documents.writer.merge(&ids).wait().unwrap();
        documents.commit(Reach::default()).unwrap();
        index.reader.reload().unwrap();
        assert_eq!(index.documents().0, 1);
        documents.end().unwrap();
    }
}
