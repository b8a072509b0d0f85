//! What went into a span or came out of it, as far as it has been read: lists need its first words, not all of it.

use neuraltrust_model::Content;

use crate::rows::PREVIEW_CHARS;

/// Content of a span: here, or where it can be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// The content itself.
    Here(Content),
    /// Kept apart, where what is said again is kept once.
    Apart(Apart),
}

/// Content that is kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// The words that stand for it in a list.
    pub preview: String,
    /// Number of words that were said with it; not known of what was kept before words were counted.
    pub words: Option<u64>,
    /// What it is made of.
    pub form: Form,
    /// Where its parts are: number of the scope.
    pub scope: i64,
    /// Its last part; of documents, each.
    pub heads: Vec<[u8; 16]>,
    /// The patches that said it, by number: what one of them brought in is new at this span.
    pub said_by: Vec<u64>,
}

/// What content that is kept apart is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Messages, so many, each hanging below the one before.
    Messages(u32),
    /// Documents, each by itself.
    Documents,
    /// One piece.
    Whole,
}

impl Said {
    /// The words that stand for it in a list; `None` where there are none.
    #[must_use]
    pub fn preview(&self) -> Option<String> {
        let words = match self {
            Self::Here(content) => content.preview(PREVIEW_CHARS),
            Self::Apart(apart) => apart.preview.clone(),
        };
        (!words.is_empty()).then_some(words)
    }

    /// Number of words that were said with it, where that is known.
    #[must_use]
    pub fn words(&self) -> Option<u64> {
        match self {
            Self::Here(content) => Some(content.words()),
            Self::Apart(apart) => apart.words,
        }
    }

    /// Takes the place of what was said before of the same thing. What both brought in stays brought in.
    pub(crate) fn replace(&mut self, mut later: Self) {
        if let (Self::Apart(before), Self::Apart(later)) = (&*self, &mut later) {
            later.said_by.extend(&before.said_by);
        }
        *self = later;
    }
}
