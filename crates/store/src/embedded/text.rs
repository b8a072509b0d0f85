//! Words of any language: the one way in which the text of spans, what is searched for and what is highlighted are cut up.
//!
//! - Letters and digits with the marks on them make words, in lower case. Everything else is between words.
//! - Scripts that are written without spaces (Han, kana, Hangul, Thai and its neighbours) give one word for each character,
//!   so that any part of a text is found as words that follow each other.
//! - An emoji with all that belongs to it (skin tone, joined people, flag) is a word.
//! - A long word (a hash, say) is known by its beginning, and a long run of encoded bytes is one such word, so that they are
//!   found and do not fill the index.

use std::ops::Range;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_segmentation::UnicodeSegmentation as _;

/// The name of the tokenizer in the index.
pub(super) const NAME: &str = "words";
/// Longest word, in bytes; of a longer one the beginning counts.
const MAX_WORD: usize = 48;
/// A word of no more bytes is known whole, wherever the beginning of a longer one ends: a character has up to four.
pub(super) const MAX_EXACT_WORD: usize = MAX_WORD - 4;
/// A run of letters, digits and what encodings of bytes use, from this length on without a space, is one word.
const ENCODED_RUN: usize = 256;

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case, cut where it is long.
    pub(super) text: String,
    /// Its bytes in the text.
    pub(super) at: Range<usize>,
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0, plain_to: 0 }
}

/// Iterates over the words of a text.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    text: &'a str,
    /// What is before is done.
    at: usize,
    /// What is before is known not to belong to a run of encoded bytes.
    plain_to: usize,
}

/// What a character, with all that belongs to it, is for words.
#[derive(PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Letter,
    /// A word of its own.
    Alone,
    /// Between words.
    Between,
}

fn class(cluster: &str) -> Class {
    let Some(first) = cluster.chars().next() else { return Class::Between };
    match first {
        // An enclosing keycap or an emoji selector makes an emoji of a digit.
        _ if cluster.contains(['\u{20E3}', '\u{FE0F}']) => Class::Alone,
        c if is_without_spaces(c) && c.is_alphanumeric() => Class::Alone,
        c if c.is_alphanumeric() => Class::Letter,
        c if is_pictograph(c) => Class::Alone,
        _ => Class::Between,
    }
}

/// Whether the script of the character is written without spaces between words (blocks of the Unicode Standard).
fn is_without_spaces(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF             // Thai, Lao
        | 0x1000..=0x109F           // Myanmar
        | 0x1100..=0x11FF           // Hangul Jamo
        | 0x1780..=0x17FF           // Khmer
        | 0x2E80..=0x2FDF           // radicals
        | 0x3005..=0x3007 | 0x3021..=0x3029
        | 0x3040..=0x312F           // Hiragana, Katakana, Bopomofo
        | 0x3130..=0x318F           // Hangul Compatibility Jamo
        | 0x31A0..=0x31BF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF // Han
        | 0xA960..=0xA97F | 0xAC00..=0xD7FF // Hangul
        | 0xF900..=0xFAFF           // Han, compatibility
        | 0xFF66..=0xFFDC           // half-width kana and Hangul
        | 0x1B000..=0x1B16F         // kana
        | 0x20000..=0x3FFFF         // Han
    )
}

/// Whether the character is a picture (blocks of the Unicode Standard that hold emoji).
fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x231A..=0x23FF | 0x2600..=0x27BF | 0x2B05..=0x2B55 | 0x1F000..=0x1FAFF)
}

impl Words<'_> {
    /// The end of the run of encoded bytes that begins here, where it is long enough to be one.
    fn encoded_run(&mut self, from: usize) -> Option<usize> {
        if from < self.plain_to {
            return None;
        }
        let encoded = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-');
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| encoded(byte)).count();
        self.plain_to = from + len;
        (len >= ENCODED_RUN).then_some(from + len)
    }

    fn word(&mut self, from: usize, to: usize) -> Option<Word> {
        self.at = to;
        let text = self.text.get(from..to)?;
        let head = text.get(..text.floor_char_boundary(MAX_WORD))?;
        let mut word = if head.is_ascii() { head.to_ascii_lowercase() } else { head.to_lowercase() };
        word.truncate(word.floor_char_boundary(MAX_WORD));
        Some(Word { text: word, at: from..to })
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let bytes = self.text.as_bytes();
        // Most text is ASCII, which needs no look at clusters as long as ASCII follows.
        let ascii = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii());
        let whole = |at: usize| ascii(at).is_some() && bytes.get(at + 1).is_none_or(u8::is_ascii);
        let mut from = None;
        while self.at < bytes.len() {
            let (end, class) = if whole(self.at) {
                let letter = ascii(self.at).is_some_and(u8::is_ascii_alphanumeric);
                (self.at + 1, if letter { Class::Letter } else { Class::Between })
            } else {
                let cluster = self.text.get(self.at..)?.graphemes(true).next()?;
                (self.at + cluster.len(), class(cluster))
            };
            match (class, from) {
                (Class::Letter, None) => {
                    let begin = self.at;
                    if let Some(end) = self.encoded_run(begin) {
                        return self.word(begin, end);
                    }
                    from = Some(begin);
                    self.at = end;
                }
                (Class::Letter, Some(_)) => self.at = end,
                (_, Some(begin)) => return self.word(begin, self.at),
                (Class::Alone, None) => return self.word(self.at, end),
                (Class::Between, None) => self.at = end,
            }
        }
        from.and_then(|begin| self.word(begin, bytes.len()))
    }
}

/// The words of a text, for the index.
#[derive(Debug, Clone, Default)]
pub(super) struct WordTokenizer;

/// The words of one text, as the index reads them.
#[derive(Debug)]
pub(super) struct WordStream<'a> {
    words: Words<'a>,
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { words: words(text), token: Token::default() }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = word.at.start;
        self.token.offset_to = word.at.end;
        self.token.text = word.text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let found: Vec<String> = words(text).map(|word| word.text).collect();
        assert_eq!(found, expect, "{text:?}");
        for word in words(text) {
            assert!(text.get(word.at).is_some(), "a word stands on whole characters");
        }
    }

    #[test]
    fn words_of_letters_and_digits() {
        check("Hello, World 42!", &["hello", "world", "42"]);
        check("user_12345678 a.b-c", &["user", "12345678", "a", "b", "c"]);
        check("don't", &["don", "t"]);
        check("", &[]);
        check("?! …", &[]);
        check("ÄRGER Straße ÉCOLE", &["ärger", "straße", "école"]);
        check("ПРИВЕТ мир", &["привет", "мир"]);
        check("ΑΘΗΝΑ", &["αθηνα"]);
        check("مرحبا بالعالم", &["مرحبا", "بالعالم"]);
        check("שלום עולם", &["שלום", "עולם"]);
        check("tiếng Việt", &["tiếng", "việt"]);
        check("Ⅷ ½ ٤٢", &["ⅷ", "½", "٤٢"]);
    }

    #[test]
    fn marks_stay_on_their_letters() {
        check("cafe\u{301} au lait", &["cafe\u{301}", "au", "lait"]);
        check("नमस्ते दुनिया", &["नमस्ते", "दुनिया"]);
        check("வணக்கம் உலகம்", &["வணக்கம்", "உலகம்"]);
        check("مُحَمَّد", &["مُحَمَّد"]);
    }

    #[test]
    fn scripts_without_spaces_give_their_characters() {
        check("東京都", &["東", "京", "都"]);
        check("ひらがなカタカナ", &["ひ", "ら", "が", "な", "カ", "タ", "カ", "ナ"]);
        check("한국어 말", &["한", "국", "어", "말"]);
        check("ที่นี่", &["ที่", "นี่"]);
        check("GPT模型v2", &["gpt", "模", "型", "v2"]);
        check("𠮷野家", &["𠮷", "野", "家"]);
        check("你好，世界。", &["你", "好", "世", "界"]);
    }

    #[test]
    fn an_emoji_is_a_word_with_all_that_belongs_to_it() {
        check("great 🎉🎉", &["great", "🎉", "🎉"]);
        check("👍🏽ok", &["👍🏽", "ok"]);
        check("👩‍👩‍👧‍👦", &["👩‍👩‍👧‍👦"]);
        check("🇩🇪🇫🇷", &["🇩🇪", "🇫🇷"]);
        check("❤️ 1️⃣", &["❤️", "1️⃣"]);
    }

    #[test]
    fn long_words_are_known_by_their_beginning() {
        let hash = "0123456789abcdef".repeat(8);
        check(&format!("a {hash} b"), &["a", &hash[..MAX_WORD], "b"]);
        let encoded = "aGVsbG8+/_-".repeat(100);
        check(&format!("see {encoded}== end"), &["see", &encoded.to_ascii_lowercase()[..MAX_WORD], "end"]);
        check(
            &format!("data:image/png;base64,{encoded}").replace("data:image/", ""),
            &["png", "base64", &encoded.to_ascii_lowercase()[..MAX_WORD]],
        );
        // A letter that is cut through is left out, not broken.
        let long = format!("{}é", "x".repeat(MAX_WORD - 1));
        check(&long, &[&long[..MAX_WORD - 1]]);
    }

    #[test]
    fn the_index_reads_the_same_words() {
        let mut tokenizer = WordTokenizer;
        let mut stream = tokenizer.token_stream("Hello 東京!");
        let mut seen = Vec::new();
        while stream.advance() {
            let token = stream.token();
            seen.push((token.position, token.offset_from..token.offset_to, token.text.clone()));
        }
        assert_eq!(seen, [(0, 0..5, "hello".to_owned()), (1, 6..9, "東".to_owned()), (2, 9..12, "京".to_owned()),]);
    }
}
