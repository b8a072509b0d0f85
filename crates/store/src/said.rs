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
    /// What it is made of.
    pub form: Form,
    /// Where its parts are: number of the scope.
    pub scope: i64,
    /// Its last part.
    pub head: [u8; 16],
    /// Number of its parts from the first that nothing before had brought, counted from the last one back.
    pub fresh: u32,
}

/// What content that is kept apart is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Messages, so many.
    Messages(u32),
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

    /// Takes the place of what was said before of the same thing. What both brought in stays brought in.
    pub(crate) fn replace(&mut self, mut later: Self) {
        if let (Self::Apart(before), Self::Apart(later)) = (&*self, &mut later)
            && before.scope == later.scope
        {
            // The later content may hold the earlier one's parts, which it did not bring itself.
            later.fresh = match (before.form, later.form) {
                (Form::Messages(before_len), Form::Messages(len)) if before.fresh > 0 && len >= before_len => {
                    (len - before_len).saturating_add(before.fresh).max(later.fresh)
                }
                _ if before.head == later.head => later.fresh.max(before.fresh),
                _ => later.fresh,
            };
        }
        *self = later;
    }
}
