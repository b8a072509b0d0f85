//! What keeps the parts of the store from their work, while something does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A part of the store that can be kept from its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Writes the record.
    Record,
    /// Follows it with the lists.
    Lists,
    /// Erases, removes what is old, and tidies up.
    Housekeeping,
}

impl Part {
    const fn cannot(self) -> &'static str {
        match self {
            Self::Record => "nothing can be written",
            Self::Lists => "the lists cannot follow the record",
            Self::Housekeeping => "housekeeping, erasures above all, fails again and again",
        }
    }
}

/// The troubles of all parts. Each part tells its own, and when it is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Troubles(Arc<Mutex<BTreeMap<Part, String>>>);

impl Troubles {
    /// A part cannot work, and why.
    pub(super) fn begin(&self, part: Part, why: String) {
        self.all().insert(part, why);
    }

    /// A part works again.
    pub(super) fn end(&self, part: Part) {
        self.all().remove(&part);
    }

    /// Whether a part cannot work.
    pub(super) fn keep_from(&self, part: Part) -> bool {
        self.all().contains_key(&part)
    }

    /// All of them in words; `Ok` where there are none.
    pub(super) fn tell(&self) -> Result<(), String> {
        let all = self.all();
        let told: Vec<String> = all.iter().map(|(part, why)| format!("{}: {why}", part.cannot())).collect();
        if told.is_empty() { Ok(()) } else { Err(told.join("; ")) }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Part, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_troubles_are_told_until_they_are_over() {
        let troubles = Troubles::default();
        assert_eq!(troubles.tell(), Ok(()));
        troubles.begin(Part::Lists, "a".to_owned());
        troubles.begin(Part::Record, "b".to_owned());
        troubles.begin(Part::Record, "c".to_owned());
        let told = "nothing can be written: c; the lists cannot follow the record: a";
        assert_eq!(troubles.tell(), Err(told.to_owned()));
        troubles.end(Part::Record);
        assert!(!troubles.keep_from(Part::Record) && troubles.keep_from(Part::Lists));
        troubles.end(Part::Lists);
        assert_eq!(troubles.tell(), Ok(()));
    }
}
