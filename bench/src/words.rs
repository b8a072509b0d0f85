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

/// Pieces that the shares from 0 to 1 are cut into, to find a rank without computing a power each time.
const PIECES: usize = 4_096;

/// The words by their rank. A step has about 400 of them, so drawing one must be cheap.
#[derive(Debug)]
pub(crate) struct Words {
    /// One after the other, the most frequent first.
    text: String,
    /// Where each begins, and where the last ends.
    begins: Vec<u32>,
    /// The rank at the beginning of each piece, and at the end of the last.
    ranks: Vec<f64>,
}

impl Words {
    pub(crate) fn new() -> Self {
        let mut text = String::new();
        let mut begins = vec![0];
        for rank in 1..=WORDS {
            text.push_str(&word(rank));
            begins.push(text.len() as u32);
        }
        let ranks = (0..=PIECES).map(|piece| (WORDS as f64 + 1.0).powf(piece as f64 / PIECES as f64)).collect();
        Self { text, begins, ranks }
    }

    /// The word of a rank, of which 1 is the most frequent.
    pub(crate) fn of_rank(&self, rank: u64) -> &str {
        let (begin, end) = (self.begins[rank as usize - 1], self.begins[rank as usize]);
        &self.text[begin as usize..end as usize]
    }

    /// A rank, as [`Random::rank`] draws them; within a piece all are as frequent.
    fn rank(&self, random: &mut Random) -> u64 {
        let place = random.share() * PIECES as f64;
        let piece = place as usize;
        let (begin, end) = (self.ranks[piece], self.ranks[piece + 1]);
        ((begin + (end - begin) * place.fract()) as u64).clamp(1, WORDS)
    }

    /// Text of `bytes` bytes or a few more.
    pub(crate) fn text(&self, random: &mut Random, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        loop {
            let drawn = random.below(NUMBERS * SENTENCE);
            if drawn.is_multiple_of(NUMBERS) {
                text.push_str(&random.below(1_000_000).to_string());
            } else {
                text.push_str(self.of_rank(self.rank(random)));
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
        assert_eq!((1..=WORDS).map(|rank| words.of_rank(rank)).collect::<BTreeSet<_>>().len(), WORDS as usize);
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
