//! How patches and their contents are laid out in the record: JSON, with contents beside the patch where they may come again,
//! and media beside the contents.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use neuraltrust_model::limits::MAX_SPAN_BYTES;
use neuraltrust_model::{Content, Document, Message, SpanId, SpanPatch, TraceId};
use rayon::iter::ParallelIterator as _;
use rayon::slice::ParallelSliceMut as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::chain::{Hash, Known, Scope, name};
use super::coding::{self, Dictionary, DictionaryId, Kind};
use super::media::{self, Taken};
use crate::rows::PREVIEW_CHARS;
use crate::said::{Apart, Form, Said};
use crate::summary::answer_id;
use crate::{ProjectId, StoreError, TooLarge};

/// Messages of fewer bytes than this stay in their patch: keeping them apart would cost more than sending them again.
const MESSAGES_APART_FROM_BYTES: usize = 512;
/// Documents of fewer bytes than this, all together, stay in their patch.
const DOCUMENTS_APART_FROM_BYTES: usize = 1 << 10;
/// Documents that are smaller than this on average are kept together.
const DOCUMENT_APART_FROM_BYTES: usize = 256;
/// Other contents of fewer bytes than this stay in their patch.
const OTHERS_APART_FROM_BYTES: usize = 4 << 10;
/// Patches of one request that are coded one after the other; what a part brings, the next does not know of, and brings as well.
const PART_PATCHES: usize = 128;
/// Stands for the trace in the JSON of a patch: its row says which trace it is about.
const TRACE_IS_TOLD_BY_THE_ROW: &str = "-";

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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<u64>,
    },
    /// A node for each document.
    Documents {
        heads: Vec<String>,
        preview: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<u64>,
    },
    /// The node `head`.
    Whole {
        head: String,
        preview: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<u64>,
    },
}

/// Nodes that hang below each other, from the first that is not known to be on disk.
#[derive(Debug)]
pub(super) struct Path {
    /// The node above the first, which must be there.
    pub(super) base: Option<Hash>,
    pub(super) nodes: Vec<Node>,
}

/// A node on its way into the record.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: Hash,
    pub(super) body: Vec<u8>,
    /// The media that it shows.
    pub(super) media: Vec<Hash>,
}

/// A patch as the record keeps it.
#[derive(Debug)]
pub(super) struct EncodedPatch {
    pub(super) trace_id: String,
    /// Where the patches of its span are found; see [`span_key`].
    pub(super) span: i64,
    /// The conversation that the patch names.
    pub(super) conversation_id: Option<String>,
    /// The answer of a model that the patch names, as [`answer_name`] has it.
    pub(super) answer: Option<i64>,
    /// Tells patches of one span apart, so that one that comes twice is kept once.
    pub(super) digest: i64,
    pub(super) body: Vec<u8>,
    pub(super) scope: Scope,
    /// The contents that are kept apart.
    pub(super) paths: Vec<Path>,
}

/// The patches of one request.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) patches: Vec<EncodedPatch>,
    /// Patches over the limit.
    pub(super) refused: Vec<TooLarge>,
    /// The nodes in it, by their [global](Scope::global) names.
    pub(super) brought: Vec<Hash>,
    /// What its bodies are coded with.
    pub(super) dictionary: Option<DictionaryId>,
}

/// What encoding may build on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aids<'a> {
    /// Nodes that are on disk.
    pub(super) known: Option<&'a Known>,
    /// What bodies of the project have in common.
    pub(super) dictionary: Option<&'a Dictionary>,
}

/// What codes the requests that are large, on all cores: whoever sends waits for it.
#[derive(Debug)]
pub(super) struct Coders(rayon::ThreadPool);

impl Coders {
    pub(super) fn start() -> Result<Self, rayon::ThreadPoolBuildError> {
        rayon::ThreadPoolBuilder::new().thread_name(|n| format!("coder-{n}")).build().map(Self)
    }

    /// Codes the patches of one request. Nodes that are known to be on disk are left out where there is a memory of known ones;
    /// without it, every content brings all of its nodes.
    /// Media are taken out of the contents meanwhile; the patches are afterwards as they were before.
    pub(super) fn encode(&self, project: ProjectId, patches: &mut [SpanPatch], aids: Aids<'_>) -> Result<Batch, StoreError> {
        let scopes = scopes(patches);
        if patches.len() <= PART_PATCHES {
            return encode_part(project, patches, aids, &scopes);
        }
        let parts = self.0.install(|| {
            let parts = patches.par_chunks_mut(PART_PATCHES);
            parts.map(|part| encode_part(project, part, aids, &scopes)).collect::<Result<Vec<_>, _>>()
        })?;
        let mut batch = Batch { dictionary: aids.dictionary.map(|dictionary| dictionary.id), ..Batch::default() };
        for part in parts {
            batch.patches.extend(part.patches);
            batch.refused.extend(part.refused);
            batch.brought.extend(part.brought);
        }
        Ok(batch)
    }
}

/// What the contents of each trace belong to: the first patch of a trace that names a conversation decides for all of them.
fn scopes(patches: &[SpanPatch]) -> HashMap<TraceId, Scope> {
    let mut scopes: HashMap<TraceId, Scope> = HashMap::new();
    for patch in patches {
        let scope = scopes.entry(patch.trace_id.clone()).or_insert_with(|| Scope::Trace(patch.trace_id.clone()));
        if let (Scope::Trace(_), Some(conversation)) = (&*scope, &patch.conversation_id) {
            *scope = Scope::Conversation(conversation.clone());
        }
    }
    scopes
}

/// Codes patches one after the other. Nodes that come earlier among them are left out as well.
fn encode_part(
    project: ProjectId,
    patches: &mut [SpanPatch],
    aids: Aids<'_>,
    scopes: &HashMap<TraceId, Scope>,
) -> Result<Batch, StoreError> {
    let mut encoder = Encoder { project, aids, brought: HashSet::new() };
    let dictionary = aids.dictionary.map(|dictionary| dictionary.id);
    let mut batch = Batch { patches: Vec::with_capacity(patches.len()), dictionary, ..Batch::default() };
    for patch in patches {
        let Some(scope) = scopes.get(&patch.trace_id) else { continue };
        // The contents and the trace are written beside the patch, not in it.
        let mut said = [patch.input.take(), patch.output.take()];
        let trace_id = std::mem::replace(&mut patch.trace_id, told_by_the_row()?);
        let coded = encoder.patch(patch, &trace_id, &mut said, scope);
        [patch.input, patch.output] = said;
        patch.trace_id = trace_id;
        match coded? {
            Ok(encoded) => batch.patches.push(encoded),
            Err(bytes) => batch.refused.push(TooLarge { span_id: patch.span_id.clone(), bytes }),
        }
    }
    batch.brought = encoder.brought.into_iter().collect();
    Ok(batch)
}

fn told_by_the_row() -> Result<TraceId, StoreError> {
    TraceId::new(TRACE_IS_TOLD_BY_THE_ROW).map_err(StoreError::damaged("a trace id"))
}

struct Encoder<'a> {
    project: ProjectId,
    aids: Aids<'a>,
    brought: HashSet<Hash>,
}

/// A content on its way into the record.
#[derive(Default)]
struct Placed<'a> {
    slot: Option<Slot<'a>>,
    paths: Vec<Path>,
    /// Where an answer in messages hangs below.
    head: Option<Hash>,
    /// Bytes of JSON that are not in the row.
    bytes: usize,
}

/// What a node of a path is made of.
struct Element<'a> {
    kind: Kind,
    bytes: Cow<'a, [u8]>,
    /// The media that it shows.
    media: Vec<Hash>,
}

impl Encoder<'_> {
    /// Codes a patch, or says how large it is where that is too large.
    fn patch(
        &mut self,
        patch: &SpanPatch,
        trace_id: &TraceId,
        said: &mut [Option<Content>; 2],
        scope: &Scope,
    ) -> Result<Result<EncodedPatch, usize>, StoreError> {
        let mut taken = Vec::with_capacity(said.len());
        for content in said.iter_mut() {
            taken.push(content.as_mut().map(media::take).transpose()?.unwrap_or_default());
        }
        let coded = self.without_media(patch, trace_id, said, &taken, scope);
        for (content, taken) in said.iter_mut().zip(taken) {
            if let Some(content) = content {
                media::give_back(content, taken);
            }
        }
        coded
    }

    /// Codes a patch whose media were taken out.
    fn without_media(
        &mut self,
        patch: &SpanPatch,
        trace_id: &TraceId,
        said: &[Option<Content>; 2],
        taken: &[Taken],
        scope: &Scope,
    ) -> Result<Result<EncodedPatch, usize>, StoreError> {
        let [input, output] = said;
        let nothing = Taken::default();
        let [of_input, of_output] = [taken.first(), taken.get(1)].map(|taken| taken.unwrap_or(&nothing));
        let input = self.place(input.as_ref(), of_input, None, scope)?;
        let output = self.place(output.as_ref(), of_output, input.head, scope)?;
        let row = Row { patch: Cow::Borrowed(patch), input: input.slot, output: output.slot };
        let json = serde_json::to_vec(&row).map_err(StoreError::damaged("a patch as JSON"))?;
        let bytes = json.len() + input.bytes + output.bytes;
        if bytes > MAX_SPAN_BYTES {
            return Ok(Err(bytes));
        }
        let mut paths = input.paths;
        paths.extend(output.paths);
        Ok(Ok(EncodedPatch {
            trace_id: trace_id.to_string(),
            span: span_key(&patch.span_id),
            conversation_id: patch.conversation_id.as_ref().map(ToString::to_string),
            answer: answer_id(&patch.attributes).map(answer_name),
            digest: digest(&json),
            body: coding::encode(Kind::Said, &json, self.aids.dictionary)?,
            scope: scope.clone(),
            paths,
        }))
    }

    /// Decides where a content is kept. A list of messages continues the path that ends at `above`.
    /// A content that media were taken from is always a node, since only what is a node shows media.
    fn place<'c>(
        &mut self,
        content: Option<&'c Content>,
        taken: &Taken,
        above: Option<Hash>,
        scope: &Scope,
    ) -> Result<Placed<'c>, StoreError> {
        let Some(content) = content else { return Ok(Placed::default()) };
        let here = || Placed { slot: Some(Slot::Here(Cow::Borrowed(content))), ..Placed::default() };
        let preview = || media::words(content, taken).preview(PREVIEW_CHARS);
        let words = || Some(media::words(content, taken).words());
        let mut placed = Placed { paths: self.media(taken, scope)?, bytes: taken.bytes(), ..Placed::default() };
        match content {
            Content::Messages { messages } => {
                let elements = elements(messages, taken)?;
                placed.bytes += total(&elements);
                if placed.bytes < MESSAGES_APART_FROM_BYTES && above.is_none() && taken.is_nothing() {
                    return Ok(here());
                }
                let (path, head) = self.path(above, &elements, scope)?;
                let Some(last) = head else { return Ok(here()) };
                placed.slot =
                    Some(Slot::Messages { head: hex(&last), len: elements.len() as u32, preview: preview(), words: words() });
                placed.paths.push(path);
                placed.head = head;
                return Ok(placed);
            }
            Content::Documents { documents } => {
                let elements = elements(documents, taken)?;
                let bytes = total(&elements);
                let pays = bytes >= DOCUMENTS_APART_FROM_BYTES && bytes >= elements.len() * DOCUMENT_APART_FROM_BYTES;
                if pays || !taken.is_nothing() {
                    placed.bytes += bytes;
                    let mut heads = Vec::with_capacity(elements.len());
                    for element in &elements {
                        let (path, head) = self.path(None, std::slice::from_ref(element), scope)?;
                        placed.paths.push(path);
                        heads.extend(head.as_ref().map(hex));
                    }
                    placed.slot = Some(Slot::Documents { heads, preview: preview(), words: words() });
                    return Ok(placed);
                }
            }
            // Most texts stay, and are not written twice to know it.
            Content::Text { text } if taken.is_nothing() && bytes_of_text(text) < OTHERS_APART_FROM_BYTES => return Ok(here()),
            Content::Text { .. } | Content::Json { .. } => {}
        }
        let element = elements(std::slice::from_ref(content), taken)?;
        if total(&element) < OTHERS_APART_FROM_BYTES && taken.is_nothing() {
            return Ok(here());
        }
        placed.bytes += total(&element);
        let (path, head) = self.path(None, &element, scope)?;
        placed.slot = head.map(|head| Slot::Whole { head: hex(&head), preview: preview(), words: words() });
        placed.paths.push(path);
        // An answer in messages does not hang below a content that is none, so no head is told.
        Ok(placed)
    }

    /// The paths of media: a node for each piece, and one for the label.
    fn media(&mut self, taken: &Taken, scope: &Scope) -> Result<Vec<Path>, StoreError> {
        let mut paths = Vec::with_capacity(taken.media.len());
        for medium in &taken.media {
            let element = |kind, bytes| Element { kind, bytes, media: Vec::new() };
            let mut elements: Vec<_> = medium.pieces().map(|piece| element(Kind::Piece, Cow::Borrowed(piece))).collect();
            elements.push(element(Kind::Label, Cow::Owned(medium.label.json()?)));
            paths.push(self.path(None, &elements, scope)?.0);
        }
        Ok(paths)
    }

    /// The nodes of a path below `above`, from the first that is not known, and the name of the last.
    fn path(&mut self, above: Option<Hash>, elements: &[Element<'_>], scope: &Scope) -> Result<(Path, Option<Hash>), StoreError> {
        let mut names = Vec::with_capacity(elements.len());
        let mut parent = above;
        for element in elements {
            let name = name(parent.as_ref(), element.kind, &element.bytes);
            names.push(name);
            parent = Some(name);
        }
        let is_there = |encoder: &Self, name: &Hash| {
            let global = scope.global(encoder.project, name);
            encoder.aids.known.is_some_and(|known| encoder.brought.contains(&global) || known.contains(&global))
        };
        // What is above a node that is there is there too, so the first look is at the end.
        let skipped = names.iter().rposition(|name| is_there(self, name)).map_or(0, |last| last + 1);
        let base = match skipped {
            0 => above,
            skipped => names.get(skipped - 1).copied(),
        };
        let mut nodes = Vec::with_capacity(elements.len() - skipped);
        for (name, element) in names.iter().zip(elements).skip(skipped) {
            let body = coding::encode(element.kind, &element.bytes, self.aids.dictionary)?;
            nodes.push(Node { name: *name, body, media: element.media.clone() });
            self.brought.insert(scope.global(self.project, name));
        }
        Ok((Path { base, nodes }, parent.filter(|_| !elements.is_empty())))
    }
}

/// The items of a content as nodes hold them: messages, documents, or the content itself.
fn elements<T: Serialize>(items: &[T], taken: &Taken) -> Result<Vec<Element<'static>>, StoreError> {
    let element = |(n, item)| {
        let bytes = serde_json::to_vec(item).map_err(StoreError::damaged("a content as JSON"))?;
        let media = taken.media.iter().filter(|medium| medium.item == n).map(|medium| *medium.id.hash()).collect();
        Ok(Element { kind: Kind::Said, bytes: Cow::Owned(bytes), media })
    };
    items.iter().enumerate().map(element).collect()
}

fn total(elements: &[Element<'_>]) -> usize {
    elements.iter().map(|element| element.bytes.len()).sum()
}

/// Bytes of a [`Content::Text`] as JSON, known without writing it.
fn bytes_of_text(text: &str) -> usize {
    const AROUND: usize = r#"{"type":"text","text":""}"#.len();
    // What stands before one: a backslash, or `\u00` and a digit (RFC 8259, section 7), of which serde_json writes the short form.
    let more = |byte: &u8| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 1,
        0x00..0x20 => 5,
        _ => 0_u8,
    };
    // So many fit a byte, and are added up at once.
    let escapes = text.as_bytes().chunks(51).map(|bytes| usize::from(bytes.iter().map(more).sum::<u8>()));
    AROUND + text.len() + escapes.sum::<usize>()
}

/// Checksum of a patch's JSON.
pub(super) fn digest(json: &[u8]) -> i64 {
    eight(json)
}

/// Under which number the patches of a span are found in its trace. Two spans of a trace may share one.
pub(super) fn span_key(span: &SpanId) -> i64 {
    eight(span.as_str().as_bytes())
}

/// Under which number it is found who tells of the answer of a model. Two ids may share one.
pub(super) fn answer_name(id: &str) -> i64 {
    eight(id.as_bytes())
}

fn eight(bytes: &[u8]) -> i64 {
    let mut eight = [0; 8];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut eight);
    i64::from_le_bytes(eight)
}

fn read<T: DeserializeOwned>(what: &'static str, json: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(StoreError::damaged(what))
}

/// Reads a message of a path.
pub(super) fn message(json: &[u8]) -> Result<Message, StoreError> {
    read("a message", json)
}

/// Reads a document.
pub(super) fn document(json: &[u8]) -> Result<Document, StoreError> {
    read("a document", json)
}

/// Reads a content that is kept whole.
pub(super) fn whole(json: &[u8]) -> Result<Content, StoreError> {
    read("a content", json)
}

/// What a row of the record holds besides its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) trace_id: &'a TraceId,
    /// Where the nodes of the trace are.
    pub(super) scope: i64,
    /// Number of the patch.
    pub(super) seq: u64,
}

/// Reads a patch back from its JSON; its contents may be kept apart.
pub(super) fn decode(json: &[u8], beside: Beside<'_>) -> Result<(SpanPatch, [Option<Said>; 2]), StoreError> {
    let row: Row<'_> = read("a patch", json)?;
    let said = [said(row.input, beside)?, said(row.output, beside)?];
    let mut patch = row.patch.into_owned();
    patch.trace_id = beside.trace_id.clone();
    Ok((patch, said))
}

fn said(slot: Option<Slot<'_>>, beside: Beside<'_>) -> Result<Option<Said>, StoreError> {
    let (heads, form, preview, words) = match slot {
        None => return Ok(None),
        Some(Slot::Here(content)) => return Ok(Some(Said::Here(content.into_owned()))),
        Some(Slot::Messages { head, len, preview, words }) => (vec![head], Form::Messages(len), preview, words),
        Some(Slot::Documents { heads, preview, words }) => (heads, Form::Documents, preview, words),
        Some(Slot::Whole { head, preview, words }) => (vec![head], Form::Whole, preview, words),
    };
    let heads = heads.iter().map(|head| unhex(head)).collect::<Option<_>>();
    let heads = heads.ok_or_else(|| StoreError::damaged("a patch")(std::io::Error::other("a head is no name")))?;
    Ok(Some(Said::Apart(Apart { preview, words, form, scope: beside.scope, heads, said_by: vec![beside.seq] })))
}

fn hex(name: &Hash) -> String {
    format!("{:032x}", u128::from_be_bytes(*name))
}

fn unhex(text: &str) -> Option<Hash> {
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use neuraltrust_model::Part;
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
        Coders::start().unwrap().encode(ProjectId(1), &mut { patches }, Aids { known, dictionary: None }).unwrap()
    }

    /// Reads back what was coded without a dictionary.
    fn decoded(body: &[u8]) -> (SpanPatch, [Option<Said>; 2]) {
        let json = super::super::coding::plain(body, |id| panic!("no dictionary {id}")).unwrap();
        decode(&json, Beside { trace_id: &TraceId::new("t").unwrap(), scope: 7, seq: 3 }).unwrap()
    }

    fn nodes(batch: &Batch) -> Vec<usize> {
        batch.patches.iter().map(|patch| patch.paths.iter().map(|path| path.nodes.len()).sum()).collect()
    }

    #[test]
    fn small_contents_stay_in_their_patch() {
        let mut all = vec![patch("s", Some(Content::text("é")), Some(messages(1))), patch("none", None, None)];
        let before = all.clone();
        let batch = Coders::start().unwrap().encode(ProjectId(1), &mut all, Aids { known: None, dictionary: None }).unwrap();
        assert_eq!(all, before, "the patches are as they were");
        assert_eq!(nodes(&batch), [0, 0]);
        let (read, [input, output]) = decoded(&batch.patches[0].body);
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
        assert!(more.patches[0].paths[0].base.is_some(), "the new node hangs below one that must be there");
    }

    #[test]
    fn large_contents_are_apart_and_say_their_first_words() {
        let text = Content::text(format!("first words {}", "x".repeat(10_000)));
        let batch = coded(vec![patch("a", Some(text.clone()), Some(text))], Some(&Known::default()));
        assert_eq!(nodes(&batch), [1], "the same content twice is one node");
        let (_, [input, _]) = decoded(&batch.patches[0].body);
        let Some(Said::Apart(apart)) = input else { panic!("{input:?}") };
        assert_eq!((apart.form, apart.scope, apart.said_by), (Form::Whole, 7, vec![3]));
        assert!(apart.preview.starts_with("first words x"));
    }

    #[test]
    fn what_is_over_the_limit_is_refused_alone() {
        let large = Content::text("x".repeat(MAX_SPAN_BYTES));
        let batch = coded(vec![patch("small", None, None), patch("large", Some(large), None)], None);
        assert_eq!((batch.patches.len(), batch.refused.len()), (1, 1));
        assert_eq!(batch.refused[0].span_id.as_str(), "large");
    }

    fn image(words: &str, seed: u32, bytes: usize) -> Message {
        let noise: Vec<u8> =
            (0..).flat_map(|n: u32| *blake3::hash(&(n ^ seed << 20).to_le_bytes()).as_bytes()).take(bytes).collect();
        let uri = format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(noise));
        let media = Part::Media { mime_type: None, uri: Some(uri), name: None, bytes: None };
        Message { role: "user".to_owned(), parts: vec![Part::Text { text: words.to_owned() }, media], extra: Map::new() }
    }

    #[test]
    fn an_image_that_is_sent_again_costs_nothing_and_its_bytes_are_apart() {
        let said = |messages: Vec<Message>| Some(Content::Messages { messages });
        let first = image("what is this?", 1, 600_000);
        let call = |span: &str, more: Vec<Message>| patch(span, said([vec![first.clone()], more].concat()), None);
        let known = Known::default();
        let mut all = vec![call("a", vec![])];
        let before = all.clone();
        let batch =
            Coders::start().unwrap().encode(ProjectId(1), &mut all, Aids { known: Some(&known), dictionary: None }).unwrap();
        assert_eq!(all, before, "the patches are as they were");
        assert_eq!(nodes(&batch), [3 + 1 + 1], "three pieces, a label and the message");
        let [medium, message] = batch.patches[0].paths.as_slice() else { panic!("{batch:?}") };
        assert_eq!(message.nodes[0].media, [medium.nodes[3].name]);
        assert!(message.nodes[0].body.len() < 500);
        let (_, [input, _]) = decoded(&batch.patches[0].body);
        assert_eq!(input.unwrap().preview().unwrap(), "what is this?");
        known.extend(batch.brought);
        let again = coded(vec![call("b", vec![image("and this?", 1, 600_000)]), call("c", vec![])], Some(&known));
        assert_eq!(nodes(&again), [1, 0], "the second message, without its image");
        // However short a message is: what shows media is a node.
        assert_eq!(nodes(&coded(vec![patch("d", said(vec![image("", 2, 1_000)]), None)], None)), [3]);
    }

    #[test]
    fn media_count_as_they_came() {
        let large = Content::Messages { messages: vec![image("", 3, MAX_SPAN_BYTES / 4 * 3 + 1_000)] };
        let batch = coded(vec![patch("large", Some(large), None), patch("small", None, None)], None);
        assert_eq!((batch.patches.len(), batch.refused.len()), (1, 1));
        assert!(batch.refused[0].bytes > MAX_SPAN_BYTES);
    }

    #[test]
    fn a_document_that_is_found_again_is_kept_once() {
        let document = |n: usize| Document { content: Some(format!("document {n} ").repeat(60)), ..Document::default() };
        let found = |numbers: &[usize]| Content::Documents { documents: numbers.iter().map(|n| document(*n)).collect() };
        let batch = coded(
            vec![patch("a", None, Some(found(&[1, 2, 3]))), patch("b", None, Some(found(&[3, 4, 1])))],
            Some(&Known::default()),
        );
        assert_eq!(nodes(&batch), [3, 1]);
        let (_, [_, output]) = decoded(&batch.patches[1].body);
        let Some(Said::Apart(apart)) = output else { panic!("{output:?}") };
        assert_eq!((apart.form, apart.heads.len()), (Form::Documents, 3));
        assert!(apart.preview.starts_with("document 3"));
    }

    #[test]
    fn a_text_is_as_long_as_it_is_written() {
        let ascii: String = (0..0x80_u8).map(char::from).collect();
        for text in ["", &ascii, "naïve 東 🙂", &"\0".repeat(1_000), &ascii.repeat(20)] {
            let written = serde_json::to_vec(&Content::Text { text: text.to_owned() }).unwrap();
            assert_eq!(bytes_of_text(text), written.len(), "{text:?}");
        }
    }

    #[test]
    fn garbage_is_told() {
        let trace_id = TraceId::new("t").unwrap();
        for json in ["", "{", r#"{"patch":{}}"#] {
            assert!(decode(json.as_bytes(), Beside { trace_id: &trace_id, scope: 0, seq: 0 }).is_err(), "{json}");
        }
    }
}
