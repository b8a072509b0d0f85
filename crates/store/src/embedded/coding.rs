//! How a body is written: its JSON as it is, or compressed where that pays, alone or with a dictionary of its project.
//!
//! The first byte says how the rest is coded, so that later codings can live beside these. A body that was compressed with a
//! dictionary names it in its zstd frame (RFC 8878, section 3.1.1.1.3, "Dictionary_ID").

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use neuraltrust_model::limits::MAX_SPAN_BYTES;
use zstd::zstd_safe::{self, CCtx, CDict, DCtx, DDict};

use crate::StoreError;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const WITH_DICTIONARY: u8 = 2;
/// A piece of a medium; the rest is a body that no dictionary has to do with.
const PIECE: u8 = 3;
/// The label of a medium; the rest is a body that no dictionary has to do with.
const LABEL: u8 = 4;
/// Below this many bytes nothing is compressed alone: a zstd frame has no room to win.
const ALONE_FROM_BYTES: usize = 256;
/// Below this many bytes nothing is compressed with a dictionary.
const WITH_DICTIONARY_FROM_BYTES: usize = 48;
/// Level of bodies that are compressed alone: the default of zstd.
const LEVEL: i32 = 3;
/// Level of bodies with a dictionary. Of the chat data of the benchmark, level 1 leaves 9 % more than level 2 for a ninth less time,
/// and level 3 leaves 2 % less for a third more time, which an append waits for.
const LEVEL_WITH_DICTIONARY: i32 = 2;
/// Largest body that is read back; a patch's JSON holds its texts escaped, at most six bytes for one (`\u0000`).
const MAX_PLAIN_BYTES: u64 = 8 * MAX_SPAN_BYTES as u64;
/// Enough of a body to read the name of its dictionary from: the coding and the largest zstd frame header.
pub(super) const HEADER_BYTES: usize = 19;
/// Where a trained dictionary has its name: behind its magic number (RFC 8878, section 5, "Dictionary_ID").
const NAME_AT: std::ops::Range<usize> = 4..8;

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A patch, a message, a document: JSON.
    Said,
    /// Bytes of a medium.
    Piece,
    /// What there is to know of a medium.
    Label,
}

impl Kind {
    /// What a body holds, as its first byte says.
    pub(super) fn of(body: &[u8]) -> Self {
        match body.first() {
            Some(&PIECE) => Self::Piece,
            Some(&LABEL) => Self::Label,
            _ => Self::Said,
        }
    }
}

/// Name of a dictionary within a data directory.
pub(super) type DictionaryId = u32;

/// What bodies of a project have in common, ready for use.
pub(super) struct Dictionary {
    pub(super) id: DictionaryId,
    compress: CDict<'static>,
    decompress: DDict<'static>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary({})", self.id)
    }
}

impl Dictionary {
    /// Gives trained bytes their name.
    pub(super) fn named(mut trained: Vec<u8>, id: DictionaryId) -> Result<Vec<u8>, StoreError> {
        let name = trained.get_mut(NAME_AT).ok_or_else(|| odd("a dictionary", "it is too short"))?;
        name.copy_from_slice(&id.to_le_bytes());
        Ok(trained)
    }

    /// Makes a dictionary ready.
    pub(super) fn open(id: DictionaryId, bytes: &[u8]) -> Result<Self, StoreError> {
        let broken = || odd("a dictionary", "zstd does not take it");
        let compress = CDict::try_create(bytes, LEVEL_WITH_DICTIONARY).ok_or_else(broken)?;
        let decompress = DDict::try_create(bytes).ok_or_else(broken)?;
        match compress.get_dict_id() {
            Some(found) if found.get() == id => Ok(Self { id, compress, decompress }),
            _ => Err(odd("a dictionary", "it has another name than its row")),
        }
    }
}

thread_local! {
    /// Making a context costs more than coding a body.
    static CONTEXTS: RefCell<(CCtx<'static>, DCtx<'static>)> = RefCell::new((CCtx::create(), DCtx::create()));
}

fn odd(what: &'static str, why: &str) -> StoreError {
    StoreError::damaged(what)(std::io::Error::other(why.to_owned()))
}

fn failed(what: &'static str) -> impl FnOnce(usize) -> StoreError {
    move |code| odd(what, zstd_safe::get_error_name(code))
}

/// Codes a body.
pub(super) fn compress(json: &[u8], dictionary: Option<&Dictionary>) -> Result<Vec<u8>, StoreError> {
    let from = if dictionary.is_some() { WITH_DICTIONARY_FROM_BYTES } else { ALONE_FROM_BYTES };
    if json.len() >= from {
        let mut frame = Vec::with_capacity(zstd_safe::compress_bound(json.len()));
        let written = CONTEXTS.with_borrow_mut(|(context, _)| match dictionary {
            Some(dictionary) => context.compress_using_cdict(&mut frame, json, &dictionary.compress),
            None => context.compress(&mut frame, json, LEVEL),
        });
        if written.map_err(failed("a body as zstd"))? < json.len() {
            return Ok(tagged(if dictionary.is_some() { WITH_DICTIONARY } else { ZSTD }, &frame));
        }
    }
    Ok(tagged(PLAIN, json))
}

/// A coding's byte and what it is about, with no room to spare: bodies wait in the queue to the disk.
fn tagged(coding: u8, rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(1 + rest.len());
    body.push(coding);
    body.extend_from_slice(rest);
    body
}

/// Codes a body of that kind. Media have nothing in common that a dictionary knows.
pub(super) fn encode(kind: Kind, bytes: &[u8], dictionary: Option<&Dictionary>) -> Result<Vec<u8>, StoreError> {
    let tag = match kind {
        Kind::Said => return compress(bytes, dictionary),
        Kind::Piece => PIECE,
        Kind::Label => LABEL,
    };
    Ok(tagged(tag, &compress(bytes, None)?))
}

/// What was coded: JSON, or bytes of a medium. `dictionary` finds a dictionary by its name.
pub(super) fn plain(
    body: &[u8],
    dictionary: impl FnOnce(DictionaryId) -> Result<Arc<Dictionary>, StoreError>,
) -> Result<Cow<'_, [u8]>, StoreError> {
    let (coding, frame) = body.split_first().ok_or_else(|| odd("a body", "it is empty"))?;
    match *coding {
        PLAIN => Ok(Cow::Borrowed(frame)),
        ZSTD => decompress(frame, None).map(Cow::Owned),
        WITH_DICTIONARY => {
            let id = dictionary_of(body).ok_or_else(|| odd("a body", "it names no dictionary"))?;
            decompress(frame, Some(&*dictionary(id)?)).map(Cow::Owned)
        }
        // Neither is ever within the other.
        PIECE | LABEL if Kind::of(frame) == Kind::Said => plain(frame, dictionary),
        _ => Err(odd("a body", "unknown coding")),
    }
}

/// The dictionary that a body is coded with; [`HEADER_BYTES`] of it are enough.
pub(super) fn dictionary_of(body: &[u8]) -> Option<DictionaryId> {
    let (coding, frame) = body.split_first()?;
    (*coding == WITH_DICTIONARY).then(|| zstd_safe::get_dict_id_from_frame(frame)).flatten().map(std::num::NonZero::get)
}

fn decompress(frame: &[u8], dictionary: Option<&Dictionary>) -> Result<Vec<u8>, StoreError> {
    let what = "a body from zstd";
    let bytes = zstd_safe::get_frame_content_size(frame).ok().flatten().ok_or_else(|| odd(what, "it does not say its size"))?;
    if bytes > MAX_PLAIN_BYTES {
        return Err(odd(what, "it says that it is larger than any body can be"));
    }
    let mut json = Vec::with_capacity(usize::try_from(bytes).unwrap_or(usize::MAX));
    CONTEXTS
        .with_borrow_mut(|(_, context)| match dictionary {
            Some(dictionary) => context.decompress_using_ddict(&mut json, frame, &dictionary.decompress),
            None => context.decompress(&mut json, frame),
        })
        .map_err(failed(what))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_say_what_they_are_and_need_no_dictionary() {
        let dictionary = trained(7);
        for (kind, bytes) in [(Kind::Piece, vec![0_u8; 5_000]), (Kind::Label, b"{}".to_vec())] {
            let body = encode(kind, &bytes, Some(&dictionary)).unwrap();
            assert_eq!((Kind::of(&body), dictionary_of(&body)), (kind, None));
            assert_eq!(*plain(&body, none).unwrap(), *bytes);
        }
        assert_eq!(encode(Kind::Said, b"{}", None).unwrap(), compress(b"{}", None).unwrap());
        assert!(plain(&[PIECE, PIECE, PLAIN], none).is_err());
    }

    fn trained(id: DictionaryId) -> Arc<Dictionary> {
        let samples: Vec<String> =
            (0..2_000).map(|n| format!("{{\"role\":\"user\",\"number\":{},\"words\":\"over and over {n}\"}}", n * 7)).collect();
        let bytes = Dictionary::named(zstd::dict::from_samples(&samples, 4 << 10).unwrap(), id).unwrap();
        Arc::new(Dictionary::open(id, &bytes).unwrap())
    }

    fn none(id: DictionaryId) -> Result<Arc<Dictionary>, StoreError> {
        Err(odd("a dictionary", &format!("{id} is not there")))
    }

    #[test]
    fn bodies_come_back_and_say_what_they_are_coded_with() {
        let dictionary = trained(300);
        let small = br#"{"role":"user","number":77,"words":"over and over again"}"#;
        let large = small.repeat(100);
        let noise: Vec<u8> = (0..400_u32).flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..4].to_vec()).collect();
        for json in [&b"{}"[..], small, &large, &noise] {
            let alone = compress(json, None).unwrap();
            assert_eq!(*plain(&alone, none).unwrap(), *json);
            assert_eq!(dictionary_of(&alone), None);
            let with = compress(json, Some(&dictionary)).unwrap();
            assert!(with.len() <= alone.len());
            assert_eq!(*plain(&with, |id| if id == 300 { Ok(Arc::clone(&dictionary)) } else { none(id) }).unwrap(), *json);
        }
        let with = compress(small, Some(&dictionary)).unwrap();
        assert!(with.len() < small.len() * 2 / 3, "{} bytes", with.len());
        assert_eq!(dictionary_of(&with[..HEADER_BYTES.min(with.len())]), Some(300));
        assert!(plain(&with, none).unwrap_err().to_string().contains("dictionary"));
    }

    #[test]
    fn garbage_is_told() {
        // The second frame says that it holds 2^40 bytes.
        for body in
            [&[][..], &[9, 1], &[ZSTD, 1], &[ZSTD, 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0], &[WITH_DICTIONARY, 1]]
        {
            assert!(plain(body, none).is_err(), "{body:?}");
        }
        assert!(Dictionary::open(1, b"no dictionary").is_err());
        assert!(Dictionary::named(vec![1], 1).is_err());
    }
}
