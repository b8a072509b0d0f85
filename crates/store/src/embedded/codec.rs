//! How patches and their contents are written in the record: JSON, compressed where that pays.
//!
//! The first byte says how the rest is coded, so that later codings can live beside this one.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use neuraltrust_model::limits::MAX_SPAN_BYTES;
use neuraltrust_model::{Content, Message, SpanPatch, TraceId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::chain::{Hash, Known, Scope, name};
use crate::rows::PREVIEW_CHARS;
use crate::said::{Apart, Form, Said};
use crate::{ProjectId, StoreError, TooLarge};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Below this many bytes nothing is compressed: a zstd frame has no room to win.
const COMPRESS_FROM_BYTES: usize = 256;
const ZSTD_LEVEL: i32 = 1;
/// Messages of fewer bytes than this stay in their patch: keeping them apart would cost more than sending them again.
const MESSAGES_APART_FROM_BYTES: usize = 512;
/// Other contents of fewer bytes than this stay in their patch.
const OTHERS_APART_FROM_BYTES: usize = 4 << 10;

/// A patch as its row holds it: its contents are beside it.
#[derive(Debug, Serialize, Deserialize)]
struct Row<'a> {
    patch: Cow<'a, SpanPatch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Slot<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Slot<'a>>,
}

/// A content as a row holds it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Slot<'a> {
    Here(Cow<'a, Content>),
    /// The path that ends at `head` and has `len` nodes.
    Messages {
        head: String,
        len: u32,
        preview: String,
    },
    /// The node `head`.
    Whole {
        head: String,
        preview: String,
    },
}

/// The nodes of one content, from the first that is not known to be on disk.
#[derive(Debug)]
pub(super) struct Nodes {
    /// The node above the first, which must be there.
    pub(super) base: Option<Hash>,
    pub(super) nodes: Vec<(Hash, Vec<u8>)>,
}

/// A patch as the record keeps it.
#[derive(Debug)]
pub(super) struct EncodedPatch {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    /// The conversation that the patch names.
    pub(super) conversation_id: Option<String>,
    /// Tells patches of one span apart, so that one that comes twice is kept once.
    pub(super) digest: [u8; 16],
    pub(super) body: Vec<u8>,
    pub(super) scope: Scope,
    pub(super) input: Option<Nodes>,
    pub(super) output: Option<Nodes>,
}

/// The patches of one request.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) patches: Vec<EncodedPatch>,
    /// Patches over the limit.
    pub(super) refused: Vec<TooLarge>,
    /// The nodes in it, by their [global](Scope::global) names.
    pub(super) brought: Vec<Hash>,
}

/// Codes the patches of one request. With `known`, nodes that are known to be on disk, or that come earlier in the request,
/// are left out; without, every content brings all of its nodes.
/// The patches are afterwards as they were before.
pub(super) fn encode(project: ProjectId, patches: &mut [SpanPatch], known: Option<&Known>) -> Result<Batch, StoreError> {
    let mut encoder = Encoder { project, known, brought: HashSet::new() };
    let mut scopes: HashMap<TraceId, Scope> = HashMap::new();
    for patch in &*patches {
        // The first patch of a trace that names a conversation decides for all of them.
        let scope = scopes.entry(patch.trace_id.clone()).or_insert_with(|| Scope::Trace(patch.trace_id.clone()));
        if let (Scope::Trace(_), Some(conversation)) = (&*scope, &patch.conversation_id) {
            *scope = Scope::Conversation(conversation.clone());
        }
    }
    let mut batch = Batch { patches: Vec::with_capacity(patches.len()), refused: Vec::new(), brought: Vec::new() };
    for patch in patches {
        let Some(scope) = scopes.get(&patch.trace_id) else { continue };
        // The contents are written beside the patch, not in it.
        let said = [patch.input.take(), patch.output.take()];
        let coded = encoder.patch(patch, &said, scope);
        [patch.input, patch.output] = said;
        match coded? {
            Ok(encoded) => batch.patches.push(encoded),
            Err(bytes) => batch.refused.push(TooLarge { span_id: patch.span_id.clone(), bytes }),
        }
    }
    batch.brought = encoder.brought.into_iter().collect();
    Ok(batch)
}

struct Encoder<'a> {
    project: ProjectId,
    known: Option<&'a Known>,
    brought: HashSet<Hash>,
}

/// A content on its way into the record.
#[derive(Default)]
struct Placed<'a> {
    slot: Option<Slot<'a>>,
    nodes: Option<Nodes>,
    head: Option<Hash>,
    /// Bytes of JSON that are not in the row.
    bytes: usize,
}

impl Encoder<'_> {
    /// Codes a patch, or says how large it is where that is too large.
    fn patch(
        &mut self,
        patch: &SpanPatch,
        said: &[Option<Content>; 2],
        scope: &Scope,
    ) -> Result<Result<EncodedPatch, usize>, StoreError> {
        let input = self.place(said[0].as_ref(), None, scope)?;
        let output = self.place(said[1].as_ref(), input.head, scope)?;
        let row = Row { patch: Cow::Borrowed(patch), input: input.slot, output: output.slot };
        let json = serde_json::to_vec(&row).map_err(StoreError::damaged("a patch as JSON"))?;
        let bytes = json.len() + input.bytes + output.bytes;
        if bytes > MAX_SPAN_BYTES {
            return Ok(Err(bytes));
        }
        let digest = digest(&json);
        Ok(Ok(EncodedPatch {
            trace_id: patch.trace_id.to_string(),
            span_id: patch.span_id.to_string(),
            conversation_id: patch.conversation_id.as_ref().map(ToString::to_string),
            digest,
            body: compress(&json)?,
            scope: scope.clone(),
            input: input.nodes,
            output: output.nodes,
        }))
    }

    /// Decides where a content is kept. A list of messages continues the path that ends at `above`.
    fn place<'c>(&mut self, content: Option<&'c Content>, above: Option<Hash>, scope: &Scope) -> Result<Placed<'c>, StoreError> {
        let failed = || StoreError::damaged("a content as JSON");
        let Some(content) = content else { return Ok(Placed::default()) };
        let here = || Placed { slot: Some(Slot::Here(Cow::Borrowed(content))), ..Placed::default() };
        if let Content::Messages { messages } = content {
            let parts = messages.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>().map_err(failed())?;
            let bytes = parts.iter().map(Vec::len).sum();
            if bytes < MESSAGES_APART_FROM_BYTES && above.is_none() {
                return Ok(here());
            }
            let (nodes, head) = self.path(above, &parts, scope)?;
            let Some(last) = head else { return Ok(here()) };
            let slot = Slot::Messages { head: hex(&last), len: parts.len() as u32, preview: content.preview(PREVIEW_CHARS) };
            return Ok(Placed { slot: Some(slot), nodes: Some(nodes), head, bytes });
        }
        let json = serde_json::to_vec(content).map_err(failed())?;
        if json.len() < OTHERS_APART_FROM_BYTES {
            return Ok(here());
        }
        let bytes = json.len();
        let (nodes, head) = self.path(None, &[json], scope)?;
        let slot = head.map(|head| Slot::Whole { head: hex(&head), preview: content.preview(PREVIEW_CHARS) });
        // An answer in messages does not hang below a content that is none.
        Ok(Placed { slot, nodes: Some(nodes), head: None, bytes })
    }

    /// The nodes of a path below `above`, from the first that is not known, and the name of the last.
    fn path(&mut self, above: Option<Hash>, parts: &[Vec<u8>], scope: &Scope) -> Result<(Nodes, Option<Hash>), StoreError> {
        let mut names = Vec::with_capacity(parts.len());
        let mut parent = above;
        for part in parts {
            let name = name(parent.as_ref(), part);
            names.push(name);
            parent = Some(name);
        }
        let is_there = |encoder: &Self, name: &Hash| {
            let global = scope.global(encoder.project, name);
            encoder.known.is_some_and(|known| encoder.brought.contains(&global) || known.contains(&global))
        };
        // What is above a node that is there is there too, so the first look is at the end.
        let skipped = names.iter().rposition(|name| is_there(self, name)).map_or(0, |last| last + 1);
        let base = match skipped {
            0 => above,
            skipped => names.get(skipped - 1).copied(),
        };
        let mut nodes = Vec::with_capacity(parts.len() - skipped);
        for (name, part) in names.iter().zip(parts).skip(skipped) {
            nodes.push((*name, compress(part)?));
            self.brought.insert(scope.global(self.project, name));
        }
        Ok((Nodes { base, nodes }, parent.filter(|_| !parts.is_empty())))
    }
}

fn compress(json: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut body = Vec::with_capacity(json.len().min(COMPRESS_FROM_BYTES) + 1);
    if json.len() < COMPRESS_FROM_BYTES {
        body.push(PLAIN);
        body.extend_from_slice(json);
    } else {
        body.push(ZSTD);
        zstd::stream::copy_encode(json, &mut body, ZSTD_LEVEL).map_err(StoreError::damaged("a body as zstd"))?;
    }
    Ok(body)
}

/// The JSON of a body.
pub(super) fn plain(body: &[u8]) -> Result<Cow<'_, [u8]>, StoreError> {
    let unknown = || StoreError::damaged("a body")(std::io::Error::other("unknown coding"));
    match *body.first().ok_or_else(unknown)? {
        PLAIN => Ok(Cow::Borrowed(body.get(1..).unwrap_or_default())),
        ZSTD => {
            let rest = body.get(1..).unwrap_or_default();
            zstd::stream::decode_all(rest).map(Cow::Owned).map_err(StoreError::damaged("a body from zstd"))
        }
        _ => Err(unknown()),
    }
}

/// Checksum of a patch's JSON.
pub(super) fn digest(json: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    blake3::Hasher::new().update(json).finalize_xof().fill(&mut digest);
    digest
}

fn read<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(&plain(body)?).map_err(StoreError::damaged(what))
}

/// Reads a message of a path.
pub(super) fn message(body: &[u8]) -> Result<Message, StoreError> {
    read("a message", body)
}

/// Reads a content that is kept whole.
pub(super) fn whole(body: &[u8]) -> Result<Content, StoreError> {
    read("a content", body)
}

/// What a row of the record holds besides its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    pub(super) scope: Option<i64>,
    /// How many nodes the input and the output brought.
    pub(super) fresh: [u32; 2],
}

/// Reads a patch back; its contents may be kept apart.
pub(super) fn decode(body: &[u8], beside: Beside) -> Result<(SpanPatch, [Option<Said>; 2]), StoreError> {
    let row: Row<'_> = read("a patch", body)?;
    let [input, output] = beside.fresh;
    let said = [said(row.input, beside.scope, input)?, said(row.output, beside.scope, output)?];
    Ok((row.patch.into_owned(), said))
}

fn said(slot: Option<Slot<'_>>, scope: Option<i64>, fresh: u32) -> Result<Option<Said>, StoreError> {
    let (head, form, preview) = match slot {
        None => return Ok(None),
        Some(Slot::Here(content)) => return Ok(Some(Said::Here(content.into_owned()))),
        Some(Slot::Messages { head, len, preview }) => (head, Form::Messages(len), preview),
        Some(Slot::Whole { head, preview }) => (head, Form::Whole, preview),
    };
    let broken = |what| StoreError::damaged("a patch")(std::io::Error::other(what));
    let scope = scope.ok_or_else(|| broken("its scope is missing"))?;
    let number = u128::from_str_radix(&head, 16).map_err(|_| broken("a head is no name"))?;
    Ok(Some(Said::Apart(Apart { preview, form, scope, head: number.to_be_bytes(), fresh })))
}

fn hex(name: &Hash) -> String {
    format!("{:032x}", u128::from_be_bytes(*name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use neuraltrust_model::{Part, SpanId};
    use serde_json::Map;

    fn patch(span: &str, input: Option<Content>, output: Option<Content>) -> SpanPatch {
        SpanPatch { input, output, ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new(span).unwrap()) }
    }

    fn messages(count: usize) -> Content {
        let text = |n: usize| format!("message {n} ").repeat(30);
        let message = |n| Message { role: "user".to_owned(), parts: vec![Part::Text { text: text(n) }], extra: Map::new() };
        Content::Messages { messages: (0..count).map(message).collect() }
    }

    fn coded(patches: Vec<SpanPatch>, known: Option<&Known>) -> Batch {
        encode(ProjectId(1), &mut { patches }, known).unwrap()
    }

    fn nodes(batch: &Batch) -> Vec<usize> {
        let of = |nodes: &Option<Nodes>| nodes.as_ref().map_or(0, |nodes| nodes.nodes.len());
        batch.patches.iter().map(|patch| of(&patch.input) + of(&patch.output)).collect()
    }

    const BESIDE: Beside = Beside { scope: Some(7), fresh: [1, 0] };

    #[test]
    fn small_contents_stay_in_their_patch() {
        let mut all = vec![patch("s", Some(Content::text("é")), Some(messages(1))), patch("none", None, None)];
        let before = all.clone();
        let batch = encode(ProjectId(1), &mut all, None).unwrap();
        assert_eq!(all, before, "the patches are as they were");
        assert_eq!(nodes(&batch), [0, 0]);
        let (read, [input, output]) = decode(&batch.patches[0].body, BESIDE).unwrap();
        assert_eq!(read, patch("s", None, None));
        assert_eq!((input, output), (before[0].input.clone().map(Said::Here), before[0].output.clone().map(Said::Here)));
    }

    #[test]
    fn a_history_that_is_sent_again_costs_its_new_messages() {
        let calls = vec![
            patch("a", Some(messages(2)), Some(messages(1))),
            patch("b", Some(messages(5)), None),
            patch("c", Some(messages(5)), None),
        ];
        let known = Known::default();
        let batch = coded(calls.clone(), Some(&known));
        assert_eq!(nodes(&batch), [3, 3, 0], "within a request");
        assert_eq!(nodes(&coded(calls.clone(), None)), [3, 5, 5]);
        known.extend(batch.brought);
        assert_eq!(nodes(&coded(calls, Some(&known))), [0, 0, 0], "and between requests");
        let more = coded(vec![patch("d", Some(messages(6)), None)], Some(&known));
        assert_eq!(nodes(&more), [1]);
        assert!(more.patches[0].input.as_ref().unwrap().base.is_some(), "the new node hangs below one that must be there");
    }

    #[test]
    fn large_contents_are_apart_and_say_their_first_words() {
        let text = Content::text(format!("first words {}", "x".repeat(10_000)));
        let batch = coded(vec![patch("a", Some(text.clone()), Some(text))], Some(&Known::default()));
        assert_eq!(nodes(&batch), [1], "the same content twice is one node");
        let (_, [input, _]) = decode(&batch.patches[0].body, BESIDE).unwrap();
        let Some(Said::Apart(apart)) = input else { panic!("{input:?}") };
        assert_eq!((apart.form, apart.scope, apart.fresh), (Form::Whole, 7, 1));
        assert!(apart.preview.starts_with("first words x"));
    }

    #[test]
    fn what_is_over_the_limit_is_refused_alone() {
        let large = Content::text("x".repeat(MAX_SPAN_BYTES));
        let batch = coded(vec![patch("small", None, None), patch("large", Some(large), None)], None);
        assert_eq!((batch.patches.len(), batch.refused.len()), (1, 1));
        assert_eq!(batch.refused[0].span_id.as_str(), "large");
    }

    #[test]
    fn garbage_is_told() {
        for body in [&[][..], &[9, 1], &[ZSTD, 1], &[PLAIN, b'{']] {
            assert!(decode(body, BESIDE).is_err(), "{body:?}");
        }
    }
}
