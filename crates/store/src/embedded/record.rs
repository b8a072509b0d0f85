//! The record: every patch that was ever acknowledged, in SQLite, as it is read.
//!
//! NOTE: a patch is in the record before `append` returns (WAL, `synchronous=FULL`), and what a row of `patch` says is never
//! changed. Everything else (index, summaries) is made from here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use neuraltrust_model::{Content, ConversationId, Message, SpanId, Timestamp, TraceId};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use rusqlite::{Connection, OptionalExtension, params};

use super::answers;
use super::budget::Budget;
use super::chain::{self, Hash};
use super::codec::{self, Beside};
use super::coding::{self, Kind};
use super::dictionaries::Dictionaries;
use super::media::{self, Show};
use super::prices;
use super::schema::{BUSY, keep_plans};
use crate::said::{Apart, Form, Said};
use crate::summary::{Arrived, TraceSpans};
use crate::{ProjectId, StoreError};

/// Page cache of a connection that reads, in KiB (negative is SQLite's sign for KiB).
const READ_CACHE_KIB: i32 = -4_096;
/// Connections kept for the next reader.
const IDLE_READERS: usize = 8;

/// A trace as the record knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceKey {
    /// Its number.
    pub(super) number: i64,
    pub(super) project: ProjectId,
    pub(super) trace_id: TraceId,
    /// The conversation whose scope its nodes are in; else they are in its own.
    pub(super) home: Option<i64>,
}

impl TraceKey {
    /// The scope that its nodes are in.
    pub(super) const fn scope(&self) -> i64 {
        match self.home {
            Some(conversation) => conversation,
            None => -self.number,
        }
    }
}

/// What happened in the record: which spans of which traces were told of.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Number of the last patch looked at; none where there was nothing.
    pub(super) last: Option<u64>,
    /// How many patches that were.
    pub(super) patches: usize,
    /// The traces by number, each with the keys of its spans. A trace of which something else has changed has `None` among them.
    pub(super) traces: BTreeMap<i64, BTreeSet<Option<i64>>>,
}

/// A patch as its row holds it.
struct PatchRow {
    seq: u64,
    span: i64,
    received_at: i64,
    digest: i64,
    body: Vec<u8>,
}

/// A part of a content as its row holds it.
struct NodeRow {
    name: Hash,
    body: Vec<u8>,
}

/// Parts of a content that hang below each other.
struct Nodes {
    /// What the first hangs below.
    above: Option<Hash>,
    nodes: Vec<NodeRow>,
}

/// The record, open for reading.
#[derive(Debug)]
pub(super) struct Record {
    common: Arc<Common>,
    /// The connection of one who sees the record as it was at one moment; else each read sees it as it is then.
    moment: Option<Mutex<Connection>>,
    /// What the reads may take.
    budget: Option<Budget>,
}

/// What all who read the record share.
#[derive(Debug)]
struct Common {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    dictionaries: Dictionaries,
    prices: prices::Known,
    /// Whether there is a table of answers.
    answers: OnceLock<bool>,
    scopes: Mutex<()>,
}

impl Common {
    /// A connection that nobody else uses now.
    fn connection(&self) -> Result<Connection, StoreError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map_or_else(|| self.connect().map_err(StoreError::record("open the record")), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", READ_CACHE_KIB)?;
        keep_plans(&connection)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Some(connection) = self.moment.take() else { return };
        let connection = connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        // One that cannot end its transaction is closed, which ends it.
        if connection.execute_batch("COMMIT").is_ok() {
            self.common.give_back(connection);
        }
    }
}

impl Record {
    /// The record at `path`, which [`open_for_writing`](super::schema::open_for_writing) has made.
    pub(super) fn new(path: PathBuf) -> Self {
        let common = Common {
            path,
            idle: Mutex::default(),
            dictionaries: Dictionaries::default(),
            prices: prices::Known::default(),
            answers: OnceLock::new(),
            scopes: Mutex::default(),
        };
        Self { common: Arc::new(common), moment: None, budget: None }
    }

    /// The record as it is now, whatever is written, moved or taken away until the answer is dropped: who reads a trace and then
    /// its contents finds them where the trace says.
    /// NOTE: the log of the record cannot be emptied meanwhile, so it must not be kept for long.
    pub(super) fn at_one_moment(&self) -> Result<Self, StoreError> {
        let connection = self.common.connection()?;
        connection.execute_batch("BEGIN").map_err(StoreError::record("begin to read the record"))?;
        Ok(Self { common: Arc::clone(&self.common), moment: Some(Mutex::new(connection)), budget: None })
    }

    /// As [`at_one_moment`](Self::at_one_moment); each read is refused once the time is over.
    pub(super) fn within(&self, budget: &Budget) -> Result<Self, StoreError> {
        let mut record = self.at_one_moment()?;
        record.budget = Some(budget.clone());
        Ok(record)
    }

    /// Runs a read on a connection of its own, or on that of the moment. It must not begin another.
    pub(super) fn read<T>(
        &self,
        act: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.budget.as_ref().map_or(Ok(()), Budget::check)?;
        if let Some(connection) = &self.moment {
            return query(&connection.lock().unwrap_or_else(PoisonError::into_inner)).map_err(StoreError::record(act));
        }
        let connection = self.common.connection()?;
        let answer = query(&connection).map_err(StoreError::record(act));
        self.common.give_back(connection);
        answer
    }

    /// What bodies are coded with.
    pub(super) fn dictionaries(&self) -> &Dictionaries {
        &self.common.dictionaries
    }

    /// What tokens cost.
    pub(super) fn prices(&self) -> &prices::Known {
        &self.common.prices
    }

    /// The merged spans of a trace, with the costs that the project's prices make.
    pub(super) fn merge(&self, trace: &TraceKey, patches: Vec<Arrived>) -> Result<TraceSpans, StoreError> {
        let mut spans = TraceSpans::merge(&trace.trace_id, patches);
        let others = self.telling_of_the_same(trace, &spans)?;
        spans.count_once_with(&others);
        // NOTE: prices are remembered for all, so that they are read as they are now, not as they were at a moment.
        let now = Self { common: Arc::clone(&self.common), moment: None, budget: self.budget.clone() };
        spans.price(self.prices().of(&now, trace.project)?.as_ref());
        Ok(spans)
    }

    /// The spans of other traces that name the answers of models which the calls of a trace name, those of each trace together.
    fn telling_of_the_same(&self, trace: &TraceKey, spans: &TraceSpans) -> Result<Vec<TraceSpans>, StoreError> {
        let tellers = self.tellers(trace, spans, |_| true)?;
        let mut others: Vec<TraceSpans> = Vec::new();
        for of_trace in tellers.into_iter().collect::<Vec<_>>().chunk_by(|(one, _), (next, _)| one == next) {
            let Some(other) = of_trace.first().map(|(number, _)| self.numbered(*number)).transpose()?.flatten() else { continue };
            let mut patches = Vec::new();
            for (_, span) in of_trace {
                match self.patches(&other, Some(*span)) {
                    // What cannot be read counts nowhere.
                    Err(StoreError::Damaged { .. }) => {}
                    read => patches.extend(read?),
                }
            }
            others.push(TraceSpans::merge(&other.trace_id, patches));
        }
        Ok(others)
    }

    /// The numbers of other traces whose calls may count otherwise since the spans changed that `changed` picks.
    pub(super) fn traces_telling_of_the_same(
        &self,
        trace: &TraceKey,
        spans: &TraceSpans,
        changed: impl Fn(&SpanId) -> bool,
    ) -> Result<BTreeSet<i64>, StoreError> {
        Ok(self.tellers(trace, spans, changed)?.into_iter().map(|(other, _)| other).collect())
    }

    /// Who names the answers that the `wanted` spans of a trace name, in other traces.
    fn tellers(
        &self,
        trace: &TraceKey,
        spans: &TraceSpans,
        wanted: impl Fn(&SpanId) -> bool,
    ) -> Result<BTreeSet<answers::Teller>, StoreError> {
        let names: BTreeSet<i64> =
            spans.answers().filter(|(span, _)| wanted(span)).map(|(_, id)| codec::answer_name(id)).collect();
        if names.is_empty() || !self.keeps_answers()? {
            return Ok(BTreeSet::new());
        }
        self.read("find who tells of an answer", |connection| {
            let mut found = BTreeSet::new();
            for name in names {
                found.extend(answers::tellers(connection, trace.project, name)?);
            }
            found.retain(|(other, _)| *other != trace.number);
            Ok(found)
        })
    }

    fn keeps_answers(&self) -> Result<bool, StoreError> {
        if let Some(kept) = self.common.answers.get() {
            return Ok(*kept);
        }
        let kept = self.read("look for a table", answers::are_kept)?;
        Ok(*self.common.answers.get_or_init(|| kept))
    }

    /// Held by whoever moves contents between scopes or takes them away: what one has copied and no trace says yet, another must
    /// not take for something that nothing says any more.
    pub(super) fn scopes(&self) -> MutexGuard<'_, ()> {
        self.common.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The JSON of a body.
    pub(super) fn plain<'b>(&self, body: &'b [u8]) -> Result<Cow<'b, [u8]>, StoreError> {
        coding::plain(body, |id| self.dictionaries().named(self, id))
    }

    /// The number of the last patch that there ever was.
    pub(super) fn last_seq(&self) -> Result<u64, StoreError> {
        let seq: i64 = self.read("find the last patch", |connection| {
            connection
                .prepare_cached("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'patch'")?
                .query_row([], |row| row.get(0))
        })?;
        Ok(seq.cast_unsigned())
    }

    /// What the next patches after `seq` are about, at most `limit`.
    pub(super) fn changes_after(&self, seq: u64, limit: usize) -> Result<Changes, StoreError> {
        self.read("read new patches", |connection| {
            let mut changes = Changes::default();
            let mut query = connection
                .prepare_cached("SELECT seq, trace, span, length(body) FROM patch WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
            let mut rows = query.query(params![seq.cast_signed(), limit as i64])?;
            while let Some(row) = rows.next()? {
                let marks = row.get::<_, i64>(3)? == 0;
                changes.last = Some(row.get::<_, i64>(0)?.cast_unsigned());
                changes.patches += 1;
                changes.traces.entry(row.get(1)?).or_default().insert(if marks { None } else { Some(row.get(2)?) });
            }
            Ok(changes)
        })
    }

    /// The trace of that id; `None` where nothing of it has come.
    pub(super) fn find(&self, project: ProjectId, trace_id: &TraceId) -> Result<Option<TraceKey>, StoreError> {
        let found: Option<(i64, Option<i64>)> = self.read("find a trace", |connection| {
            connection
                .prepare_cached("SELECT id, home FROM trace WHERE project = ?1 AND trace_id = ?2")?
                .query_row(params![project.0, trace_id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        Ok(found.map(|(number, home)| TraceKey { number, project, trace_id: trace_id.clone(), home }))
    }

    /// The trace of that number.
    pub(super) fn numbered(&self, number: i64) -> Result<Option<TraceKey>, StoreError> {
        let found: Option<(i64, String, Option<i64>)> = self.read("find a trace", |connection| {
            connection
                .prepare_cached("SELECT project, trace_id, home FROM trace WHERE id = ?1")?
                .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()
        })?;
        let Some((project, trace_id, home)) = found else { return Ok(None) };
        let trace_id = TraceId::new(trace_id).map_err(StoreError::damaged("a trace id"))?;
        Ok(Some(TraceKey { number, project: ProjectId(project), trace_id, home }))
    }

    /// The patches of a trace in order of arrival, or those of its spans of that key. Their contents are read where they are
    /// needed.
    pub(super) fn patches(&self, trace: &TraceKey, span: Option<i64>) -> Result<Vec<Arrived>, StoreError> {
        self.rows(trace, span, 0)?.iter().map(|row| self.arrived(trace, row)).collect()
    }

    /// The patches of a trace behind the patch `seq`, in order of arrival.
    pub(super) fn patches_behind(&self, trace: &TraceKey, seq: u64) -> Result<Vec<Arrived>, StoreError> {
        self.rows(trace, None, seq)?.iter().map(|row| self.arrived(trace, row)).collect()
    }

    /// The patches of a trace up to the patch `to` in order of arrival, and the keys of its spans that were told of up to the
    /// patch `from`.
    pub(super) fn patches_between(
        &self,
        trace: &TraceKey,
        from: u64,
        to: u64,
    ) -> Result<(Vec<Arrived>, HashSet<i64>), StoreError> {
        let mut rows = self.rows(trace, None, 0)?;
        rows.retain(|row| row.seq <= to);
        let before = rows.iter().filter(|row| row.seq <= from).map(|row| row.span).collect();
        let patches = rows.iter().map(|row| self.arrived(trace, row)).collect::<Result<_, _>>()?;
        Ok((patches, before))
    }

    /// The rows of a trace, or of its spans of that key, behind the patch `seq`.
    fn rows(&self, trace: &TraceKey, span: Option<i64>, seq: u64) -> Result<Vec<PatchRow>, StoreError> {
        self.read("read a trace", |connection| {
            let row = |row: &rusqlite::Row<'_>| {
                let seq = row.get::<_, i64>(0)?.cast_unsigned();
                Ok(PatchRow { seq, span: row.get(1)?, received_at: row.get(2)?, digest: row.get(3)?, body: row.get(4)? })
            };
            // With the sign it is no way to find the rows, only one to leave some out.
            let columns =
                "SELECT seq, span, received_at, digest, body FROM patch WHERE trace = ?1 AND +seq > ?2 AND length(body) > 0";
            let seq = seq.cast_signed();
            match span {
                Some(span) => connection
                    .prepare_cached(&format!("{columns} AND span = ?3 ORDER BY seq"))?
                    .query_map(params![trace.number, seq, span], row)?
                    .collect(),
                None => {
                    connection.prepare_cached(&format!("{columns} ORDER BY seq"))?.query_map([trace.number, seq], row)?.collect()
                }
            }
        })
    }

    fn arrived(&self, trace: &TraceKey, row: &PatchRow) -> Result<Arrived, StoreError> {
        let beside = Beside { trace_id: &trace.trace_id, scope: trace.scope(), seq: row.seq };
        let json = self.plain(&row.body)?;
        // What is damaged must not be shown as if it had been said.
        if codec::digest(&json) != row.digest {
            return Err(damaged("a patch"));
        }
        let (patch, [input, output]) = codec::decode(&json, beside)?;
        Ok(Arrived { received_at: Timestamp::from_nanos(row.received_at), patch, input, output })
    }

    /// A content, all of it.
    pub(super) fn content(&self, said: Said, show: Show<'_>) -> Result<Content, StoreError> {
        match said {
            Said::Here(content) => Ok(content),
            Said::Apart(apart) => {
                let mut content = self.apart(&apart, None)?.ok_or_else(|| missing(0, 1))?;
                media::put_back(self, apart.scope, &mut content, show)?;
                Ok(content)
            }
        }
    }

    /// The words of what a content brought in that nothing before had brought; `None` where that is nothing.
    pub(super) fn fresh(&self, said: &Said) -> Result<Option<Content>, StoreError> {
        match said {
            Said::Here(content) => Ok(Some(content.clone())),
            Said::Apart(apart) => {
                let mut content = self.apart(apart, Some(&apart.said_by))?;
                if let Some(content) = &mut content {
                    media::put_back(self, apart.scope, content, Show::Blank)?;
                }
                Ok(content)
            }
        }
    }

    /// The messages that a list of them brought in, each with the name of its node.
    pub(super) fn fresh_messages(&self, apart: &Apart) -> Result<Vec<(Hash, Message)>, StoreError> {
        let (Form::Messages(len), [head]) = (apart.form, apart.heads.as_slice()) else { return Ok(Vec::new()) };
        let path = self.path(apart.scope, head, len, Some(&apart.said_by))?;
        let names: Vec<Hash> = path.nodes.iter().map(|node| node.name).collect();
        let mut content = Content::Messages { messages: self.read_parts(&path, codec::message)? };
        media::put_back(self, apart.scope, &mut content, Show::Blank)?;
        let Content::Messages { messages } = content else { return Ok(Vec::new()) };
        Ok(names.into_iter().zip(messages).collect())
    }

    /// Whether a node is among the `len` nodes of the path that ends at `head`.
    pub(super) fn is_on_path(&self, scope: i64, head: &Hash, len: u32, name: &Hash) -> Result<bool, StoreError> {
        self.read("follow a content", |connection| {
            let mut node: Option<(Option<i64>, Hash)> = connection
                .prepare_cached("SELECT parent, hash FROM node WHERE scope = ?1 AND hash = ?2")?
                .query_row(params![scope, head], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let mut above = connection.prepare_cached("SELECT parent, hash FROM node WHERE id = ?1")?;
            for _ in 0..len {
                let Some((parent, here)) = node else { return Ok(false) };
                if here == *name {
                    return Ok(true);
                }
                let Some(parent) = parent else { return Ok(false) };
                node = above.query_row([parent], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            }
            Ok(false)
        })
    }

    /// The parts of a content that is kept apart, where `brought_by` is given only those that these patches brought.
    fn apart(&self, apart: &Apart, brought_by: Option<&[u64]>) -> Result<Option<Content>, StoreError> {
        let path = |head: &Hash, len: u32| self.path(apart.scope, head, len, brought_by);
        match apart.form {
            Form::Messages(len) => {
                let [head] = apart.heads.as_slice() else { return Err(missing(0, len)) };
                let messages = self.read_parts(&path(head, len)?, codec::message)?;
                Ok(shown(messages, brought_by.is_none()).map(|messages| Content::Messages { messages }))
            }
            Form::Documents => {
                let mut documents = Vec::with_capacity(apart.heads.len());
                for head in &apart.heads {
                    documents.extend(self.read_parts(&path(head, 1)?, codec::document)?);
                }
                Ok(shown(documents, brought_by.is_none()).map(|documents| Content::Documents { documents }))
            }
            Form::Whole => {
                let [head] = apart.heads.as_slice() else { return Err(missing(0, 1)) };
                Ok(self.read_parts(&path(head, 1)?, codec::whole)?.pop())
            }
        }
    }

    /// Reads parts that hang below each other; each must be what its name says.
    fn read_parts<T>(&self, path: &Nodes, read: impl Fn(&[u8]) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
        let mut above = path.above;
        let mut parts = Vec::with_capacity(path.nodes.len());
        for node in &path.nodes {
            let json = self.plain(&node.body)?;
            if chain::name(above.as_ref(), Kind::of(&node.body), &json) != node.name {
                return Err(damaged("a content"));
            }
            parts.push(read(&json)?);
            above = Some(node.name);
        }
        Ok(parts)
    }

    /// The path of `len` nodes that ends at `head`, first to last. Where `brought_by` is given, only the last ones, as far as
    /// these patches brought them.
    fn path(&self, scope: i64, head: &Hash, len: u32, brought_by: Option<&[u64]>) -> Result<Nodes, StoreError> {
        let (mut path, complete) = self.read("read a content", |connection| {
            let mut path = Nodes { above: None, nodes: Vec::new() };
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let mut node: Option<(Option<i64>, i64, Hash, Vec<u8>)> = connection
                .prepare_cached("SELECT parent, seq, hash, body FROM node WHERE scope = ?1 AND hash = ?2")?
                .query_row(params![scope, head], row)
                .optional()?;
            let mut above = connection.prepare_cached("SELECT parent, seq, hash, body FROM node WHERE id = ?1")?;
            while let Some((parent, seq, name, body)) = node {
                if brought_by.is_some_and(|patches| !patches.contains(&seq.cast_unsigned())) {
                    path.above = Some(name);
                    return Ok((path, true));
                }
                path.nodes.push(NodeRow { name, body });
                node = match parent {
                    Some(parent) if path.nodes.len() < len as usize => above.query_row([parent], row).optional()?,
                    Some(parent) => {
                        let mut above = connection.prepare_cached("SELECT hash FROM node WHERE id = ?1")?;
                        path.above = above.query_row([parent], |row| row.get(0)).optional()?;
                        None
                    }
                    None => None,
                };
            }
            let complete = path.nodes.len() == len as usize;
            Ok((path, complete))
        })?;
        if !complete {
            return Err(missing(path.nodes.len(), len));
        }
        path.nodes.reverse();
        Ok(path)
    }

    /// The merged spans of a trace; empty where nothing of it has come.
    pub(super) fn trace(&self, project: ProjectId, trace_id: &TraceId) -> Result<TraceSpans, StoreError> {
        match self.find(project, trace_id)? {
            Some(trace) => self.merge(&trace, self.patches(&trace, None)?),
            None => Ok(TraceSpans::merge(trace_id, [])),
        }
    }

    /// The merged spans of every trace that belongs to the conversation; read on all cores, since somebody waits for them.
    pub(super) fn conversation(&self, project: ProjectId, conversation: &ConversationId) -> Result<Vec<TraceSpans>, StoreError> {
        let member = |key| self.member(conversation, &key).transpose();
        self.candidates(project, conversation)?.into_par_iter().filter_map(member).collect()
    }

    /// The merged spans of every trace that belongs to the conversation, of those that are `wanted`.
    pub(super) fn conversation_of(
        &self,
        project: ProjectId,
        conversation: &ConversationId,
        wanted: impl Fn(&TraceKey) -> Result<bool, StoreError>,
    ) -> Result<Vec<TraceSpans>, StoreError> {
        let mut traces = Vec::new();
        for key in self.candidates(project, conversation)? {
            if wanted(&key)? {
                traces.extend(self.member(conversation, &key)?);
            }
        }
        Ok(traces)
    }

    /// The merged spans of a trace, if it belongs to the conversation.
    fn member(&self, conversation: &ConversationId, key: &TraceKey) -> Result<Option<TraceSpans>, StoreError> {
        let patches = match self.patches(key, None) {
            // The rest of the conversation can be read all the same.
            Err(error @ StoreError::Damaged { .. }) => {
                let error = &error as &dyn std::error::Error;
                let trace_id = key.trace_id.as_str();
                tracing::error!(error, trace_id, "a trace cannot be read and is left out of its conversation");
                return Ok(None);
            }
            read => read?,
        };
        let trace = self.merge(key, patches)?;
        Ok((trace.conversation_id == *conversation && !trace.spans.is_empty()).then_some(trace))
    }

    /// The traces that belong to the conversation, and those that may and cannot be read.
    pub(super) fn traces_of(&self, project: ProjectId, conversation: &ConversationId) -> Result<Vec<TraceKey>, StoreError> {
        let mut traces = Vec::new();
        for key in self.candidates(project, conversation)? {
            let belongs = match self.patches(&key, None) {
                Err(StoreError::Damaged { .. }) => true,
                read => {
                    let patches = read?;
                    !patches.is_empty() && TraceSpans::merge(&key.trace_id, patches).conversation_id == *conversation
                }
            };
            if belongs {
                traces.push(key);
            }
        }
        Ok(traces)
    }

    /// The other traces that may belong to the conversation of one, those that came first before it first, the last of them
    /// before the others; then those that came first after it.
    pub(super) fn before(&self, trace: &TraceKey, conversation: &ConversationId) -> Result<Vec<TraceKey>, StoreError> {
        let mut others = self.candidates(trace.project, conversation)?;
        others.retain(|other| other.number != trace.number);
        others.sort_by_key(|other| (other.number > trace.number, other.number.abs_diff(trace.number)));
        Ok(others)
    }

    /// Every trace that may belong to the conversation: those that ever named it, and the one of that name.
    fn candidates(&self, project: ProjectId, conversation: &ConversationId) -> Result<Vec<TraceKey>, StoreError> {
        let rows: Vec<(i64, String, Option<i64>)> = self.read("read a conversation", |connection| {
            connection
                .prepare_cached(
                    "SELECT trace.id, trace_id, trace.home FROM conversation
                     JOIN membership ON membership.conversation = conversation.id
                     JOIN trace ON trace.id = membership.trace
                     WHERE conversation.project = ?1 AND conversation_id = ?2
                     UNION SELECT id, trace_id, home FROM trace WHERE project = ?1 AND trace_id = ?2",
                )?
                .query_map(params![project.0, conversation.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })?;
        let key = |(number, trace_id, home)| {
            let trace_id = TraceId::new(trace_id).map_err(StoreError::damaged("a trace id"))?;
            Ok(TraceKey { number, project, trace_id, home })
        };
        rows.into_iter().map(key).collect()
    }

    /// Whether more than that many traces ever named the conversation.
    pub(super) fn has_more_traces(
        &self,
        project: ProjectId,
        conversation: &ConversationId,
        than: usize,
    ) -> Result<bool, StoreError> {
        self.read("count the traces of a conversation", |connection| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM conversation JOIN membership ON membership.conversation = conversation.id
                     WHERE conversation.project = ?1 AND conversation_id = ?2 LIMIT 1 OFFSET ?3",
                )?
                .exists(params![project.0, conversation.as_str(), than as i64])
        })
    }

    /// The number of the first patch of a trace, marks included; 0 where there is none.
    pub(super) fn first_patch_of(&self, trace: &TraceKey) -> Result<u64, StoreError> {
        let seq: i64 = self.read("find the first patch of a trace", |connection| {
            connection
                .prepare_cached("SELECT ifnull(min(seq), 0) FROM patch INDEXED BY patch_by_span WHERE trace = ?1")?
                .query_row([trace.number], |row| row.get(0))
        })?;
        Ok(seq.cast_unsigned())
    }

    /// Which patches there are of a trace, told by two numbers: the last of them, and how many they are.
    pub(super) fn told_of(&self, trace: &TraceKey) -> Result<(i64, i64), StoreError> {
        self.read("count the patches of a trace", |connection| {
            connection
                .prepare_cached("SELECT ifnull(max(seq), 0), count(*) FROM patch WHERE trace = ?1 AND length(body) > 0")?
                .query_row([trace.number], |row| Ok((row.get(0)?, row.get(1)?)))
        })
    }

    /// The conversation whose scope the nodes of a trace are in.
    pub(super) fn home_of(&self, trace: &TraceKey) -> Result<Option<ConversationId>, StoreError> {
        let Some(home) = trace.home else { return Ok(None) };
        let id: Option<String> = self.read("find a conversation", |connection| {
            connection
                .prepare_cached("SELECT conversation_id FROM conversation WHERE id = ?1")?
                .query_row([home], |row| row.get(0))
                .optional()
        })?;
        id.map(|id| ConversationId::new(id).map_err(StoreError::damaged("a conversation id"))).transpose()
    }

    /// Every conversation that the trace ever named.
    pub(super) fn named_by(&self, trace: &TraceKey) -> Result<Vec<ConversationId>, StoreError> {
        let rows: Vec<String> = self.read("read the conversations of a trace", |connection| {
            connection
                .prepare_cached(
                    "SELECT conversation_id FROM membership JOIN conversation ON conversation.id = membership.conversation
                     WHERE membership.trace = ?1",
                )?
                .query_map([trace.number], |row| row.get(0))?
                .collect()
        })?;
        rows.into_iter().map(|id| ConversationId::new(id).map_err(StoreError::damaged("a conversation id"))).collect()
    }

    /// A span of a trace from its own patches only; it belongs to the conversation that the trace names, where it names one.
    pub(super) fn span(&self, trace: &TraceKey, span_id: &SpanId) -> Result<TraceSpans, StoreError> {
        let mut patches = self.patches(trace, Some(codec::span_key(span_id)))?;
        patches.retain(|arrived| arrived.patch.span_id == *span_id);
        let mut spans = self.merge(trace, patches)?;
        if let [conversation_id] = self.named_by(trace)?.as_slice() {
            spans.conversation_id = conversation_id.clone();
        }
        Ok(spans)
    }

    /// Whether a trace has more than that many patches.
    pub(super) fn has_more_patches(&self, trace: &TraceKey, than: usize) -> Result<bool, StoreError> {
        self.read("count the patches of a trace", |connection| {
            connection
                .prepare_cached("SELECT 1 FROM patch WHERE trace = ?1 LIMIT 1 OFFSET ?2")?
                .exists(params![trace.number, than as i64])
        })
    }
}

/// Parts as they are shown: an empty list is a content too, but brings in nothing.
fn shown<T>(parts: Vec<T>, whole: bool) -> Option<Vec<T>> {
    (whole || !parts.is_empty()).then_some(parts)
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::damaged(what)(std::io::Error::other("it is not what its checksum says; restore a backup"))
}

fn missing(found: usize, len: u32) -> StoreError {
    StoreError::damaged("a content")(std::io::Error::other(format!("{found} of its {len} parts are there")))
}
