//! The index: what lists, filters, full text and facets are answered from. Derived: it can be deleted at any time.
//!
//! One Tantivy document for each span, trace and conversation, told apart by `scope`. A document is replaced whole, by its
//! `key`. The payload of each commit says up to which patch of the record the index is complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use neuraltrust_model::{Span, TraceId};
use serde::Serialize;
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentId;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{
    FAST, Field as IndexField, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, SegmentReader, TantivyDocument, Term};

use super::silence;
use crate::rows::{ConversationRow, SpanRow, Totals, TraceRow};
use crate::{Field, ListOf, ProjectId, StoreError};

/// Format of the index. An index of another format is made anew from the record.
const FORMAT: u32 = 3;
/// Memory for documents before they are written to a segment; Tantivy's least is 15 MB.
const WRITER_BYTES: usize = 48_000_000;

/// A segment of whose documents more than this share was replaced or removed is written anew without them.
const MERGE_FROM_DELETED: f32 = 0.3;
/// How often segments are written anew at the most to be rid of what was removed; others may be merged at the same time.
const PURGE_TRIES: usize = 10;

/// Pause before segments that are being merged are looked for again.
const PURGE_PAUSE: Duration = Duration::from_millis(500);
/// Name of the column that tells when an open trace was last heard of.
pub(super) const HEARD_AT: &str = "heard_at";

/// The fields of a document.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// Unique among all documents.
    pub(super) key: IndexField,
    /// Which list of which project the document is in.
    pub(super) scope: IndexField,
    /// Nanoseconds since the epoch, by which lists are ordered.
    pub(super) time: IndexField,
    /// Orders documents of the same time: a hash of the key.
    pub(super) tie: IndexField,
    /// Words of the span.
    pub(super) text: IndexField,
    /// The row as JSON.
    pub(super) row: IndexField,
    /// Of a trace that has an open span: its project and id. No other document has it.
    pub(super) open: IndexField,
    /// Of a trace that has an open span: when it was last heard of.
    pub(super) heard_at: IndexField,
    by_field: [IndexField; Field::ALL.len()],
}

impl Fields {
    /// The index field of a field of the API.
    pub(super) fn of(&self, field: Field) -> IndexField {
        self.by_field[field as usize]
    }
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let words = TextFieldIndexing::default().set_tokenizer("default").set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let fields = Fields {
        key: schema.add_text_field("key", STRING),
        scope: schema.add_text_field("scope", STRING),
        time: schema.add_i64_field("time", FAST | INDEXED),
        tie: schema.add_u64_field("tie", FAST | INDEXED),
        text: schema.add_text_field("text", TextOptions::default().set_indexing_options(words)),
        row: schema.add_bytes_field("row", STORED),
        open: schema.add_text_field("open", STORED),
        heard_at: schema.add_i64_field(HEARD_AT, FAST | INDEXED),
        by_field: Field::ALL.map(|field| schema.add_text_field(field.as_str(), STRING | FAST)),
    };
    (schema.build(), fields)
}

/// The scope of a list of a project.
pub(super) fn scope(project: ProjectId, list: ListOf) -> String {
    let list = match list {
        ListOf::Conversations => 'c',
        ListOf::Traces => 't',
        ListOf::Spans => 's',
    };
    format!("{list}{}", project.get())
}

/// The index, open.
#[derive(Clone)]
pub(super) struct SearchIndex {
    pub(super) fields: Fields,
    pub(super) reader: IndexReader,
    index: Index,
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
    seq: u64,
}

impl SearchIndex {
    /// Opens the index, or makes an empty one where there is none, where it is damaged and where its format is another.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        match Self::try_open(path) {
            Ok(Some(index)) => return Ok(index),
            Ok(None) => tracing::info!("the index has another format; it is made anew from the record"),
            Err(error) => tracing::warn!(%error, "the index cannot be opened; it is made anew from the record"),
        }
        Self::remove(path)?;
        Self::try_open(path).map_err(StoreError::index("make"))?.ok_or(StoreError::Stopped)
    }

    /// Opens the index as it is; `None` where there is none that can be read.
    pub(super) fn open_existing(path: &Path) -> Option<Self> {
        if path.join("meta.json").exists() { Self::try_open(path).ok().flatten() } else { None }
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
        let index = match Index::open_or_create(MmapDirectory::open(path)?, schema) {
            Err(tantivy::TantivyError::SchemaError(_)) => return Ok(None),
            opened => opened?,
        };
        if index.load_metas()?.payload.is_some_and(|payload| read_payload(&payload).is_none()) {
            return Ok(None);
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Some(Self { fields, reader, index }))
    }

    /// Up to which patch the index is complete.
    pub(super) fn complete_to(&self) -> Result<u64, StoreError> {
        let metas = self.index.load_metas().map_err(StoreError::index("read the state"))?;
        Ok(metas.payload.and_then(|payload| read_payload(&payload)).unwrap_or(0))
    }

    /// How many documents there are, and how many its segments hold, those included that were replaced or removed.
    pub(super) fn documents(&self) -> (u64, u64) {
        let searcher = self.reader.searcher();
        let sum = |count: fn(&SegmentReader) -> u32| searcher.segment_readers().iter().map(|s| u64::from(count(s))).sum();
        (sum(SegmentReader::num_docs), sum(SegmentReader::max_doc))
    }

    /// The segments that hold documents which were replaced or removed.
    fn segments_with_deleted(&self) -> tantivy::Result<BTreeSet<SegmentId>> {
        let segments = self.index.searchable_segment_metas()?;
        Ok(segments.into_iter().filter(|segment| segment.has_deletes()).map(|segment| segment.id()).collect())
    }

    /// A writer; there can be one at a time.
    pub(super) fn writer(&self) -> Result<Documents, StoreError> {
        let writer = self.index.writer_with_num_threads(1, WRITER_BYTES).map_err(StoreError::index("open for writing"))?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(MERGE_FROM_DELETED);
        writer.set_merge_policy(Box::new(policy));
        Ok(Documents { fields: self.fields.clone(), writer })
    }
}

fn read_payload(text: &str) -> Option<u64> {
    serde_json::from_str::<Payload>(text).ok().filter(|payload| payload.format == FORMAT).map(|payload| payload.seq)
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
    /// Puts a span, with the words that it brought in.
    pub(super) fn put_span(
        &mut self,
        project: ProjectId,
        row: &SpanRow,
        span: &Span,
        text: &str,
        put: Put,
    ) -> Result<(), StoreError> {
        let time = row.start_time.unwrap_or(span.received_at).as_nanos();
        let key = format!("{}/{}", row.trace_id, row.span_id);
        let mut document = self.document(project, ListOf::Spans, &key, time, row, put)?;
        let mut add = |field, value: Option<&str>| {
            if let Some(value) = value {
                document.add_text(self.fields.of(field), value);
            }
        };
        add(Field::ConversationId, Some(row.conversation_id.as_str()));
        add(Field::TraceId, Some(row.trace_id.as_str()));
        add(Field::SessionId, row.session_id.as_ref().map(|id| id.as_str()));
        add(Field::ChannelId, row.channel_id.as_ref().map(|id| id.as_str()));
        add(Field::UserId, row.user.as_ref().and_then(|user| user.id.as_deref()));
        add(Field::Kind, Some(row.kind.as_str()));
        add(Field::Name, Some(&row.name));
        add(Field::Status, Some(row.status.as_str()));
        add(Field::Model, row.model.as_deref());
        add(Field::Provider, row.provider.as_deref());
        document.add_text(self.fields.text, text);
        self.add(document)
    }

    /// Puts a trace.
    pub(super) fn put_trace(&mut self, project: ProjectId, row: &TraceRow, put: Put) -> Result<(), StoreError> {
        let mut document =
            self.document(project, ListOf::Traces, row.trace_id.as_str(), row.totals.start_time.as_nanos(), row, put)?;
        document.add_text(self.fields.of(Field::ConversationId), row.conversation_id.as_str());
        document.add_text(self.fields.of(Field::TraceId), row.trace_id.as_str());
        document.add_text(self.fields.of(Field::Status), row.status.as_str());
        if let Some(name) = &row.name {
            document.add_text(self.fields.of(Field::Name), name);
        }
        if row.totals.open > 0 {
            document.add_text(self.fields.open, silence::key(project, &row.trace_id));
            document.add_i64(self.fields.heard_at, row.totals.heard_at.as_nanos());
        }
        self.add_totals(&mut document, &row.totals);
        self.add(document)
    }

    /// Puts a conversation.
    pub(super) fn put_conversation(&mut self, project: ProjectId, row: &ConversationRow) -> Result<(), StoreError> {
        let id = row.conversation_id.as_str();
        let mut document = self.document(project, ListOf::Conversations, id, row.totals.last_time.as_nanos(), row, Put::Anew)?;
        document.add_text(self.fields.of(Field::ConversationId), id);
        document.add_text(self.fields.of(Field::Status), if row.totals.errors > 0 { "error" } else { "unset" });
        self.add_totals(&mut document, &row.totals);
        self.add(document)
    }

    /// Takes the documents of a trace away, and of all of its spans.
    pub(super) fn remove_trace(&mut self, project: ProjectId, trace_id: &TraceId) -> Result<(), StoreError> {
        let of_trace = Term::from_field_text(self.fields.of(Field::TraceId), trace_id.as_str());
        for list in [ListOf::Spans, ListOf::Traces] {
            let of_list = Term::from_field_text(self.fields.scope, &scope(project, list));
            let both = [of_trace.clone(), of_list]
                .map(|term| (Occur::Must, Box::new(TermQuery::new(term, IndexRecordOption::Basic)) as Box<dyn Query>));
            self.writer.delete_query(Box::new(BooleanQuery::new(both.into()))).map_err(StoreError::index("delete a trace"))?;
        }
        Ok(())
    }

    /// Takes a document away.
    pub(super) fn remove(&mut self, project: ProjectId, list: ListOf, key: &str) {
        self.writer.delete_term(self.key(project, list, key));
    }

    /// Makes everything put so far visible to readers that reload, and durable; `seq` is up to where the index is complete.
    pub(super) fn commit(&mut self, seq: u64) -> Result<(), StoreError> {
        let payload =
            serde_json::to_string(&Payload { format: FORMAT, seq }).map_err(StoreError::damaged("the index's state"))?;
        let mut commit = self.writer.prepare_commit().map_err(StoreError::index("commit"))?;
        commit.set_payload(&payload);
        commit.commit().map_err(StoreError::index("commit"))?;
        Ok(())
    }

    /// Writes every segment anew that holds documents which were replaced or removed, so that nothing of them is left on disk.
    /// Everything must have been committed.
    pub(super) fn purge(&mut self, index: &SearchIndex) -> Result<(), StoreError> {
        let failed = || StoreError::index("write segments anew");
        let mut old = index.segments_with_deleted().map_err(failed())?;
        for _ in 0..PURGE_TRIES {
            for segment in &old {
                // One that is being merged with others goes away with that merge.
                let merged = self.writer.merge(&[*segment]).wait();
                tracing::debug!(?segment, error = ?merged.err(), "a segment is written anew");
            }
            let there: BTreeSet<SegmentId> = index.index.searchable_segment_ids().map_err(failed())?.into_iter().collect();
            old.retain(|segment| there.contains(segment));
            if old.is_empty() {
                index.reader.reload().map_err(failed())?;
                self.writer.garbage_collect_files().wait().map_err(failed())?;
                return Ok(());
            }
            std::thread::sleep(PURGE_PAUSE);
        }
        Err(failed()(tantivy::TantivyError::InternalError(format!("{} segments are still being merged", old.len()))))
    }

    /// Ends what goes on in the background: nothing touches the files of the index afterwards.
    pub(super) fn end(self) -> Result<(), StoreError> {
        self.writer.wait_merging_threads().map_err(StoreError::index("end merging"))
    }

    fn key(&self, project: ProjectId, list: ListOf, key: &str) -> Term {
        Term::from_field_text(self.fields.key, &format!("{}/{key}", scope(project, list)))
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
        let scope = scope(project, list);
        let key = format!("{scope}/{key}");
        let mut tie = [0; 8];
        blake3::Hasher::new().update(key.as_bytes()).finalize_xof().fill(&mut tie);
        let mut document = TantivyDocument::default();
        document.add_text(self.fields.key, key);
        document.add_text(self.fields.scope, scope);
        document.add_i64(self.fields.time, time);
        document.add_u64(self.fields.tie, u64::from_le_bytes(tie));
        document.add_bytes(self.fields.row, &serde_json::to_vec(row).map_err(StoreError::damaged("a row as JSON"))?);
        Ok(document)
    }

    fn add_totals(&self, document: &mut TantivyDocument, totals: &Totals) {
        if let Some(channel) = &totals.channel_id {
            document.add_text(self.fields.of(Field::ChannelId), channel.as_str());
        }
        if let Some(user) = totals.user.as_ref().and_then(|user| user.id.as_deref()) {
            document.add_text(self.fields.of(Field::UserId), user);
        }
        for session in &totals.session_ids {
            document.add_text(self.fields.of(Field::SessionId), session.as_str());
        }
        for model in &totals.models {
            document.add_text(self.fields.of(Field::Model), model);
        }
    }

    fn add(&mut self, document: TantivyDocument) -> Result<(), StoreError> {
        self.writer.add_document(document).map_err(StoreError::index("add a document"))?;
        Ok(())
    }
}
