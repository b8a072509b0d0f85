//! Media in contents: taken out where a content is coded, put back where it is read.
//!
//! Any text of a content that holds bytes in base 64 (a `data:` address of RFC 2397, or a field that is known to hold them)
//! makes place for a reference, which says everything that the text said but the bytes. So the text can be made again as it
//! was, to the letter; where it could not (broken or unusual base 64), it stays.
//!
//! NOTE: references are in nodes only, and a text that looks like one when it comes in is marked as a text, so that nothing a
//! client sends is ever taken for a reference.

mod places;
mod reading;
mod reference;
mod types;

use std::borrow::Cow;
use std::convert::Infallible;

use neuraltrust_model::{Content, Part, TraceId};

use super::chain::{self, Hash};
use super::coding::Kind;
use super::record::Record;
use crate::media::{MediaId, Medium};
use crate::{ShowMedia, StoreError};
use places::Place;
use reference::{Alphabet, Reference};
use serde::{Deserialize, Serialize};

/// Texts of fewer bytes than this stay where they are: a piece and its label would cost more.
const APART_FROM_BYTES: usize = 1 << 10;

/// What there is to know of a medium: the last node of its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) mime_type: String,
    pub(super) bytes: u64,
}

/// A medium that was taken out of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TakenMedium {
    pub(super) id: MediaId,
    /// In which of the messages or documents of the content it is.
    pub(super) item: usize,
    pub(super) label: Label,
    pub(super) bytes: Vec<u8>,
}

impl TakenMedium {
    /// What its path is made of.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        pieces(&self.bytes)
    }
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(Medium::PIECE_BYTES)
}

fn id(bytes: &[u8], label: &[u8]) -> MediaId {
    let mut above: Option<Hash> = None;
    for piece in pieces(bytes) {
        above = Some(chain::name(above.as_ref(), Kind::Piece, piece));
    }
    MediaId::new(chain::name(above.as_ref(), Kind::Label, label))
}

/// What was taken out of a content.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The media, in the order in which they are met.
    pub(super) media: Vec<TakenMedium>,
    /// The texts in whose place there are references now, or texts that are marked as such.
    texts: Vec<String>,
}

impl Taken {
    /// Whether the content is as it was.
    pub(super) const fn is_nothing(&self) -> bool {
        self.texts.is_empty()
    }

    /// Bytes of the texts that were taken out.
    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }
}

/// Takes the media out of a content.
pub(super) fn take(content: &mut Content) -> Result<Taken, StoreError> {
    let mut taken = Taken::default();
    places::visit(content, &mut |text: &mut String, place: Place<'_>| {
        if let Some((reference, medium)) = found(text, place)? {
            taken.texts.push(std::mem::replace(text, reference.to_string()));
            taken.media.push(medium);
        } else if let Some(marked) = reference::marked(text) {
            taken.texts.push(std::mem::replace(text, marked));
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(taken)
}

/// Puts what was taken out of a content back.
pub(super) fn give_back(content: &mut Content, taken: Taken) {
    let mut texts = taken.texts.into_iter();
    // It is met in the order in which it was taken.
    let _ = places::visit(content, &mut |text: &mut String, _: Place<'_>| {
        if reference::is_ours(text)
            && let Some(before) = texts.next()
        {
            *text = before;
        }
        Ok::<_, Infallible>(())
    });
}

/// A content with its words alone, where something was taken out of it.
pub(super) fn words<'c>(content: &'c Content, taken: &Taken) -> Cow<'c, Content> {
    if taken.is_nothing() {
        return Cow::Borrowed(content);
    }
    let mut words = content.clone();
    let _ = places::visit(&mut words, &mut |text: &mut String, _: Place<'_>| {
        match reference::read(text) {
            None => {}
            Some(Ok(_)) => text.clear(),
            Some(Err(literal)) => *text = literal.to_owned(),
        }
        Ok::<_, Infallible>(())
    });
    Cow::Owned(words)
}

/// The medium that a text holds, and the reference that stands for it.
fn found(text: &str, place: Place<'_>) -> Result<Option<(Reference, TakenMedium)>, StoreError> {
    if text.len() < APART_FROM_BYTES {
        return Ok(None);
    }
    let (prefix, told) = match reference::data_prefix(text) {
        Some((prefix, mime_type)) => (prefix, Some(mime_type)),
        None if place.holds_bytes => ("", place.mime_type),
        None => return Ok(None),
    };
    let coded = text.get(prefix.len()..).unwrap_or_default();
    let Some((alphabet, bytes)) = Alphabet::decode(coded) else { return Ok(None) };
    if bytes.is_empty() {
        return Ok(None);
    }
    let label = Label { mime_type: types::of(told.or(place.mime_type), &bytes), bytes: bytes.len() as u64 };
    let id = id(&bytes, &label.json()?);
    let reference = Reference { id, alphabet, bytes: label.bytes, prefix: prefix.to_owned() };
    Ok(Some((reference, TakenMedium { id, item: place.item, label, bytes })))
}

impl Label {
    pub(super) fn json(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(self).map_err(StoreError::damaged("a label as JSON"))
    }
}

/// How a content that is read shows its media.
#[derive(Debug, Clone, Copy)]
pub(super) enum Show<'a> {
    /// Not at all: for words.
    Blank,
    /// As they came in.
    Inline,
    /// By the address that this makes of the trace and a medium.
    At(&'a TraceId, fn(&TraceId, MediaId) -> String),
}

impl<'a> Show<'a> {
    pub(super) const fn of(show: ShowMedia, trace: &'a TraceId) -> Self {
        match show {
            ShowMedia::Inline => Self::Inline,
            ShowMedia::At(address) => Self::At(trace, address),
        }
    }
}

/// Shows the media of a content whose nodes are in that scope.
pub(super) fn put_back(record: &Record, scope: i64, content: &mut Content, show: Show<'_>) -> Result<(), StoreError> {
    if let Show::At(..) = show {
        tell(content);
    }
    places::visit(content, &mut |text: &mut String, _: Place<'_>| {
        *text = match (reference::read(text), show) {
            (None, _) => return Ok(()),
            (Some(Err(literal)), _) => literal.to_owned(),
            (Some(Ok(_)), Show::Blank) => String::new(),
            (Some(Ok(reference)), Show::At(trace, address)) => address(trace, reference.id),
            (Some(Ok(reference)), Show::Inline) => {
                let bytes = record.bytes_of(scope, reference.id)?;
                format!("{}{}", reference.prefix, reference.alphabet.encode(&bytes))
            }
        };
        Ok(())
    })
}

/// Says at each part that is a medium how large it is, and of which type where it does not say.
fn tell(content: &mut Content) {
    let Content::Messages { messages } = content else { return };
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::Media { mime_type, uri: Some(uri), bytes, .. } = part
            && let Some(Ok(reference)) = reference::read(uri)
        {
            *bytes = Some(reference.bytes);
            if mime_type.is_none() {
                *mime_type = reference::data_prefix(&reference.prefix).map(|(_, told)| types::of(Some(told), &[]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use neuraltrust_model::{Map, Message};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn messages(parts: Vec<Part>) -> Content {
        Content::Messages { messages: vec![Message { role: "user".to_owned(), parts, extra: Map::new() }] }
    }

    fn image(uri: &str) -> Content {
        messages(vec![Part::Media { mime_type: None, uri: Some(uri.to_owned()), name: None, bytes: None }])
    }

    fn other(value: Value) -> Content {
        messages(vec![Part::Other { value }])
    }

    /// Takes out and gives back, and says the types of what was taken.
    #[track_caller]
    fn check(content: &Content, expect: &[&str]) {
        let mut changed = content.clone();
        let taken = take(&mut changed).unwrap();
        let types: Vec<_> = taken.media.iter().map(|medium| medium.label.mime_type.clone()).collect();
        assert_eq!(types, expect, "{content:?}");
        assert_eq!(taken.is_nothing(), changed == *content);
        give_back(&mut changed, taken);
        assert_eq!(changed, *content);
    }

    #[test]
    fn media_are_found_where_clients_put_them() {
        let noise: Vec<u8> = (0..2_000_u32).map(|n| (n * n % 251) as u8).collect();
        let base64 = STANDARD.encode(&noise);
        check(&image(&format!("data:image/png;base64,{base64}")), &["image/png"]);
        check(&other(json!({"type": "input_audio", "input_audio": {"data": base64, "format": "wav"}})), &["audio/wav"]);
        check(
            &other(
                json!({"type": "file", "file": {"filename": "a", "file_data": format!("data:application/pdf;base64,{base64}")}}),
            ),
            &["application/pdf"],
        );
        check(
            &other(json!({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": base64}})),
            &["image/jpeg"],
        );
        check(
            &other(json!({"type": "blob", "modality": "image", "mime_type": "image/webp", "content": base64})),
            &["image/webp"],
        );
        check(&other(json!({"inline_data": {"mime_type": "image/gif", "data": URL_SAFE.encode(&noise)}})), &["image/gif"]);
        check(&other(json!({"inlineData": {"mimeType": "video/mp4", "data": base64}})), &["video/mp4"]);
        check(&Content::Json { value: json!({"data": [{"b64_json": base64}]}) }, &["application/octet-stream"]);
        let png = [&b"\x89PNG\r\n\x1a\n"[..], &noise].concat();
        check(&Content::Json { value: json!({"data": [{"b64_json": STANDARD.encode(png)}]}) }, &["image/png"]);
        let media = Part::Media { mime_type: Some("image/png".to_owned()), uri: Some(base64.clone()), name: None, bytes: None };
        check(&messages(vec![media]), &["image/png"]);
    }

    #[test]
    fn what_is_no_medium_stays() {
        let base64 = STANDARD.encode([7; 3_001]);
        let trailing = format!("{}B==", &base64[..base64.len() - 3]);
        for text in [
            format!("data:image/png;base64,{}", &base64[..base64.len() - 1]),
            format!("data:image/png;base64,{base64}\n"),
            format!("data:image/png;base64,{trailing}"),
            format!("data:image/svg+xml,{}", "<svg/>".repeat(300)),
            format!("data:image/png;base64,{}", &base64[..400]),
            format!("see data:image/png;base64,{base64}"),
        ] {
            check(&image(&text), &[]);
        }
        // What is said may look like base 64.
        check(&Content::text(base64.clone()), &[]);
        check(&other(json!({ "note": base64 })), &[]);
    }

    #[test]
    fn a_text_that_looks_like_a_reference_is_a_text() {
        for text in ["neuraltrust-media:", "neuraltrust-media:=x", "neuraltrust-media:00000000000000000000000000000000:s:1:data:"]
        {
            check_literal(text);
        }
    }

    #[track_caller]
    fn check_literal(text: &str) {
        let mut content = Content::text(text);
        let taken = take(&mut content).unwrap();
        assert!(taken.media.is_empty() && !taken.is_nothing());
        let Content::Text { text: marked } = &content else { panic!("{content:?}") };
        assert_eq!(reference::read(marked).unwrap().unwrap_err(), text);
        give_back(&mut content, taken);
        assert_eq!(content, Content::text(text));
    }

    #[test]
    fn the_same_bytes_have_one_name_and_another_type_another() {
        let name = |mime_type: &str, byte: u8| {
            let mut content = image(&format!("data:{mime_type};base64,{}", STANDARD.encode(vec![byte; 600_000])));
            let taken = take(&mut content).unwrap();
            assert_eq!(taken.media[0].pieces().count(), 3);
            serde_json::to_string(&content).unwrap()
        };
        assert_eq!(name("image/png", 1), name("image/png", 1));
        assert_ne!(name("image/png", 1), name("image/png", 2));
        assert_ne!(name("image/png", 1), name("image/gif", 1));
    }

    proptest! {
        /// Whatever a text is: either it stays, or it can be made again from its reference and the bytes.
        #[test]
        fn a_text_is_made_again_to_the_letter(
            bytes in proptest::collection::vec(any::<u8>(), 700..2_000),
            header in "(image/png|text/html;charset=utf-8|)(;name=[a-z]{0,5})?",
            cut in 0_usize..3,
            url_safe in any::<bool>(),
        ) {
            let coded = if url_safe { URL_SAFE.encode(&bytes) } else { STANDARD.encode(&bytes) };
            let text = format!("data:{header};base64,{}", &coded[..coded.len() - cut]);
            let mut content = image(&text);
            let taken = take(&mut content).unwrap();
            let Content::Messages { messages } = &content else { unreachable!() };
            let Part::Media { uri: Some(uri), .. } = &messages[0].parts[0] else { unreachable!() };
            match taken.media.first() {
                None => prop_assert_eq!(uri, &text),
                Some(medium) => {
                    prop_assert_eq!(cut, 0);
                    let reference = reference::read(uri).unwrap().unwrap();
                    prop_assert_eq!(format!("{}{}", reference.prefix, reference.alphabet.encode(&medium.bytes)), text.clone());
                    prop_assert_eq!(&medium.bytes, &bytes);
                }
            }
            give_back(&mut content, taken);
            prop_assert_eq!(content, image(&text));
        }
    }
}
