//! Text of made-up words: few are frequent and short, most are rare (Zipf), so that it compresses and is indexed as text is.

use crate::random::Random;

/// Words that there are: about what a million words of a support chat hold.
pub(crate) const WORDS: u64 = 50_000;
/// One word in that many is a number, as order numbers and prices are: text always brings new words.
const NUMBERS: u64 = 100;
/// Words of a sentence, on average.
const SENTENCE: u64 = 12;
const ONSETS: [&str; 16] = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "sh"];
const VOWELS: [&str; 4] = ["a", "e", "i", "o"];

/// The words by their rank.
#[derive(Debug)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn new() -> Self {
        Self((1..=WORDS).map(word).collect())
    }

    /// The word of a rank, of which 1 is the most frequent.
    pub(crate) fn of_rank(&self, rank: u64) -> &str {
        &self.0[(rank - 1) as usize]
    }

    /// Text of `bytes` bytes or a few more.
    pub(crate) fn text(&self, random: &mut Random, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        loop {
            let drawn = random.below(NUMBERS * SENTENCE);
            if drawn.is_multiple_of(NUMBERS) {
                text.push_str(&random.below(1_000_000).to_string());
            } else {
                text.push_str(self.of_rank(random.rank(WORDS)));
            }
            if text.len() >= bytes {
                return text;
            }
            text.push_str(if drawn.is_multiple_of(SENTENCE) { ". " } else { " " });
        }
    }
}

/// A word of one syllable for the 64 most frequent ranks, of two for the next 4,096, else of three.
fn word(rank: u64) -> String {
    let mut rest = rank - 1;
    let mut word = String::new();
    loop {
        word.push_str(ONSETS[(rest % 16) as usize]);
        word.push_str(VOWELS[(rest / 16 % 4) as usize]);
        if rest < 64 {
            return word;
        }
        rest = rest / 64 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_rank_has_a_word_of_its_own() {
        let words = Words::new();
        assert_eq!(words.0.iter().collect::<BTreeSet<_>>().len(), WORDS as usize);
        assert_eq!(words.of_rank(1), "ba");
    }

    #[test]
    fn text_has_its_length_and_few_frequent_words() {
        let words = Words::new();
        let text = words.text(&mut Random::part(3, 0), 100_000);
        assert!((100_000..100_020).contains(&text.len()), "{}", text.len());
        assert_eq!(text, words.text(&mut Random::part(3, 0), 100_000));
        let mut counts = BTreeMap::<&str, u32>::new();
        for word in text.split([' ', '.']).filter(|word| !word.is_empty()) {
            *counts.entry(word).or_default() += 1;
        }
        let all: u32 = counts.values().sum();
        // ln(2)/ln(50001) of all words.
        assert!((0.05..0.08).contains(&(f64::from(counts["ba"]) / f64::from(all))), "{} of {all}", counts["ba"]);
        let once = counts.values().filter(|count| **count == 1).count();
        assert!(once > counts.len() / 3, "{once} of {} words occur once", counts.len());
    }
}
