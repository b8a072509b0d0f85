//! Texts with stars in them, each of which stands for any text.

use std::fmt;

/// What a text must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    begin: String,
    /// What comes between, in this order.
    middle: Vec<String>,
    end: String,
}

impl Pattern {
    /// Reads a text in which every star stands for any text; `None` where there is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (begin, rest) = text.split_once('*')?;
        let mut middle: Vec<String> = rest.split('*').map(str::to_owned).collect();
        let end = middle.pop().unwrap_or_default();
        middle.retain(|piece| !piece.is_empty());
        Some(Self { begin: begin.to_owned(), middle, end })
    }

    /// How every text begins that is like this.
    #[must_use]
    pub fn begin(&self) -> &str {
        &self.begin
    }

    /// Whether a text is like this.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let between = text.strip_prefix(&*self.begin).and_then(|rest| rest.strip_suffix(&*self.end));
        let Some(mut rest) = between else { return false };
        // The first place of each leaves the most for what comes behind.
        self.middle.iter().all(|piece| match rest.split_once(&**piece) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*", self.begin)?;
        for piece in &self.middle {
            write!(f, "{piece}*")?;
        }
        f.write_str(&self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, like: &[&str], unlike: &[&str]) {
        let read = Pattern::read(pattern).unwrap();
        assert_eq!(read.to_string(), pattern);
        like.iter().for_each(|text| assert!(read.matches(text), "{text:?} is like {pattern:?}"));
        unlike.iter().for_each(|text| assert!(!read.matches(text), "{text:?} is not like {pattern:?}"));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        check("*", &["", "a"], &[]);
        check("gpt*", &["gpt", "gpt-4o"], &["", "a gpt"]);
        check("*mini", &["mini", "gpt-4o-mini"], &["minis", ""]);
        check("*4o*", &["4o", "gpt-4o", "4o-mini"], &["4", "o4"]);
        check("a*a", &["aa", "aba"], &["a", "ab"]);
        check("get_*_by_*id", &["get_user_by_id", "get__by_his id"], &["get_by_id", "get_user_by_ids"]);
        check("a*bc*bc", &["abcbc", "a bc bc"], &["abc", "abcb"]);
        check("é*東", &["é東", "é 東"], &["é"]);
        assert_eq!(Pattern::read("plain"), None);
        assert_eq!(Pattern::read("a**b").unwrap().to_string(), "a*b");
    }
}
