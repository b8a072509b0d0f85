//! How many words a text has, as a person counts them.

use crate::content::{Content, Part};

/// Number of words: what stands between blanks and has a letter or digit; where a script sets no blanks, each of its characters.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    let letters = if text.is_ascii() { text.len() } else { text.bytes().take_while(u8::is_ascii).count() };
    let (ascii, rest) = text.split_at(letters);
    let (mut words, mut within) = count_ascii(ascii);
    for c in rest.chars() {
        if is_word_of_its_own(c) {
            words += 1;
            within = false;
        } else if c.is_whitespace() {
            within = false;
        } else if !within && c.is_alphanumeric() {
            words += 1;
            within = true;
        }
    }
    words
}

/// The same of ASCII, without a branch for each character, and whether it ends within a word.
fn count_ascii(text: &str) -> (u64, bool) {
    let (mut words, mut within) = (0, false);
    for byte in text.bytes() {
        let begins = !within & byte.is_ascii_alphanumeric();
        words += u64::from(begins);
        within = (within | begins) & !char::from(byte).is_whitespace();
    }
    (words, within)
}

/// Characters of Chinese and Japanese (Unicode Standard, chapter 18, "East Asia": ideographs and kana).
const fn is_word_of_its_own(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

impl Content {
    /// Number of words that were said with it: of messages the text of the last one that has any, which is what is new of a
    /// conversation that is told again each time.
    #[must_use]
    pub fn words(&self) -> u64 {
        match self {
            Self::Text { text } => count_words(text),
            Self::Messages { messages } => {
                let texts = |parts: &[Part]| {
                    let text = |part: &Part| match part {
                        Part::Text { text } => Some(count_words(text)),
                        _ => None,
                    };
                    parts.iter().filter_map(text).reduce(|all, more| all + more)
                };
                messages.iter().rev().find_map(|message| texts(&message.parts)).unwrap_or(0)
            }
            Self::Documents { documents } => {
                documents.iter().filter_map(|document| document.content.as_deref()).map(count_words).sum()
            }
            Self::Json { .. } => count_words(&self.plain_text(usize::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Message;

    #[test]
    fn words_are_counted_as_people_do() {
        for (text, expect) in [
            ("", 0),
            (" \n ", 0),
            ("Hello, how are you?", 4),
            ("don't - well-known", 2),
            ("?! ...", 0),
            ("東京 is big", 4),
            ("カメラ", 3),
            ("한국어 단어", 2),
            ("a\tb\nc 1", 4),
        ] {
            assert_eq!(count_words(text), expect, "{text:?}");
        }
    }

    #[test]
    fn ascii_is_counted_as_all_else() {
        for text in ["Hello, how are you?", "a\u{b}b\u{1f}c d-e", " - x", "1.5 %"] {
            let other = format!("{text} 한");
            assert_eq!(count_words(text) + 1, count_words(&other), "{text:?}");
            assert_eq!(count_words(text) + 1, count_words(&format!("한 {text}")), "{text:?}");
        }
        assert_eq!((count_words("naïve"), count_words("don\u{2019}t"), count_words("a東b")), (1, 1, 3));
    }

    #[test]
    fn of_messages_the_last_one_with_text_counts() {
        let message = |parts| Message { role: "user".to_owned(), parts, extra: crate::Map::new() };
        let text = |text: &str| Part::Text { text: text.to_owned() };
        let call = Part::Other { value: serde_json::json!({ "words": "that nobody said" }) };
        let messages = vec![message(vec![text("one two three")]), message(vec![text("four"), text("five")]), message(vec![call])];
        assert_eq!(Content::Messages { messages }.words(), 2);
        assert_eq!(Content::Json { value: serde_json::json!({ "a": "two words", "b": 3 }) }.words(), 3);
        assert_eq!(Content::Messages { messages: Vec::new() }.words(), 0);
    }
}
