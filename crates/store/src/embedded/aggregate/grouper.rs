//! What puts documents of a segment into groups.

use tantivy::{DocId, SegmentReader};

use super::{Codes, LOST, NONE, Quick, table};
use crate::aggregate::{Every, Group};
use crate::embedded::columns::{self, Common, Rows, Values};
use crate::embedded::index::TIME;
use crate::stretches::{Stretches, Zone};

/// A value within a segment: the number of its column and its mark there.
pub(super) type Mark = (u8, u64);

/// Most stretches of time that are looked up by their number rather than by where they begin.
const MAX_SLOTS: u64 = 1 << 20;

/// Gives the values that documents are grouped by codes, each its own.
pub(super) struct Grouper {
    by: By,
    columns: Vec<Values>,
    /// Texts of the first column have the codes from 1 on; codes of other values begin behind them.
    texts: u32,
    codes: Quick<Mark, u32>,
    /// The marks of the codes behind those of texts.
    marks: Vec<Mark>,
    /// Codes of the documents in hand, in their order.
    of_docs: Vec<(DocId, u32)>,
}

enum By {
    Value,
    Time(Stretches),
    /// Times whose stretches are all of one length, and not too many.
    Slots(Slots),
    Width(f64),
}

/// Codes of stretches by their number; 0 where there is none yet.
struct Slots {
    first: i64,
    length: u64,
    codes: Vec<u32>,
}

impl Slots {
    fn new(stretches: &mut Stretches, every: Every, zone: &Zone, least: i64, greatest: i64) -> Option<Self> {
        let Every::Seconds(seconds) = every else { return None };
        // Where clocks are put forward and back stretches are not of one length.
        if !zone.is_fixed() {
            return None;
        }
        let length = u64::from(seconds.max(1)) * 1_000_000_000;
        let first = stretches.begin(least);
        let slots = greatest.abs_diff(first) / length + 1;
        (first <= least && least <= greatest && slots <= MAX_SLOTS).then(|| Self {
            first,
            length,
            codes: vec![0; slots as usize],
        })
    }

    fn of(&self, time: i64) -> usize {
        (time.abs_diff(self.first) / self.length) as usize
    }

    fn begin(&self, slot: usize) -> i64 {
        self.first.wrapping_add_unsigned(slot as u64 * self.length)
    }
}

impl Grouper {
    pub(super) fn open(segment: &SegmentReader, group: &Group) -> tantivy::Result<Self> {
        let (by, columns) = match group {
            Group::Field { key, .. } => (By::Value, columns::open(segment, key)?),
            Group::Time { every, zone } => {
                let time = segment.fast_fields().i64(TIME)?;
                let mut stretches = Stretches::new(*every, zone.clone());
                let slots = Slots::new(&mut stretches, *every, zone, time.min_value(), time.max_value());
                (slots.map_or_else(|| By::Time(stretches), By::Slots), vec![Values::Time(time)])
            }
            Group::Histogram { key, width } => (By::Width(*width), columns::open(segment, key)?),
        };
        let texts = columns.first().map_or(0, Values::texts);
        Ok(Self { by, columns, texts, codes: Quick::default(), marks: Vec::new(), of_docs: Vec::new() })
    }

    /// Finds the codes of documents, which ascend: those of one document beside each other, and each once. Where it is `full`, values
    /// that have no code get none.
    pub(super) fn read(&mut self, docs: &[DocId], rows: &mut Rows, full: bool) {
        let Self { by, columns, texts, codes: known, marks, of_docs } = self;
        of_docs.clear();
        let mut code = |mark: Mark| {
            if full {
                return known.get(&mark).copied().unwrap_or(LOST);
            }
            *known.entry(mark).or_insert_with(|| {
                marks.push(mark);
                *texts + marks.len() as u32
            })
        };
        for (n, values) in (0..).zip(columns.iter()) {
            match by {
                By::Value if n == 0 && *texts > 0 => values.marks(docs, rows, |doc, ord| of_docs.push((doc, ord as u32 + 1))),
                By::Value => values.marks(docs, rows, |doc, mark| of_docs.push((doc, code((n, mark))))),
                By::Time(stretches) => values.marks(docs, rows, |doc, time| {
                    of_docs.push((doc, code((0, stretches.begin(time.cast_signed()).cast_unsigned()))));
                }),
                By::Slots(slots) => values.marks(docs, rows, |doc, time| {
                    let slot = slots.of(time.cast_signed());
                    let begin = slots.begin(slot);
                    let Some(known) = slots.codes.get_mut(slot) else { return };
                    if *known == 0 {
                        *known = code((0, begin.cast_unsigned()));
                    }
                    // What is lost once stays so: there is never more room than before.
                    of_docs.push((doc, *known));
                }),
                By::Width(width) => values.numbers(docs, rows, |doc, number| {
                    let range = ((number / *width).floor() as i64).cast_unsigned();
                    of_docs.push((doc, code((0, range))));
                }),
            }
        }
        // Values of one document may be in several columns, and two of its numbers in one range.
        if columns.len() > 1 || of_docs.len() > docs.len() {
            of_docs.sort_unstable();
            of_docs.dedup();
        }
    }

    /// The codes of a document, behind those of the documents before it.
    pub(super) fn next<'a>(&'a self, doc: DocId, behind: &mut usize) -> &'a [(DocId, u32)] {
        let rest = self.of_docs.get(*behind..).unwrap_or_default();
        let codes = rest.iter().take_while(|(of, _)| *of == doc).count();
        *behind += codes;
        match rest.get(..codes) {
            Some(codes) if !codes.is_empty() => codes,
            _ => &[(0, NONE)],
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let slots = match &self.by {
            By::Slots(slots) => slots.codes.len() * size_of::<u32>(),
            By::Value | By::Time(_) | By::Width(_) => 0,
        };
        slots + table::<(Mark, u32)>(self.codes.capacity()) + self.marks.capacity() * size_of::<Mark>()
    }

    /// What each of the codes stands for that the groups have, in the order of the codes.
    pub(super) fn values(&self, n: usize, groups: &[Codes]) -> tantivy::Result<Vec<(u32, Common)>> {
        let mut codes: Vec<u32> = groups.iter().filter_map(|codes| codes.get(n).copied()).filter(|code| *code != NONE).collect();
        codes.sort_unstable();
        codes.dedup();
        let (ords, marked) = codes.split_at(codes.partition_point(|code| *code <= self.texts));
        let mut values = Vec::with_capacity(codes.len());
        if let Some(first) = self.columns.first() {
            let ords = ords.iter().map(|code| u64::from(*code) - 1).collect();
            values.extend(first.common(ords)?.into_iter().map(|(ord, text)| (ord as u32 + 1, text)));
        }
        for code in marked {
            let Some((n, mark)) = self.marks.get((code - self.texts) as usize - 1) else { continue };
            let value = match &self.by {
                By::Time(_) | By::Slots(_) => Some(Common::Time(mark.cast_signed())),
                By::Width(width) => Some(Common::number(mark.cast_signed() as f64 * width)),
                By::Value => match self.columns.get(usize::from(*n)) {
                    Some(column) => column.common(vec![*mark])?.pop().map(|(_, value)| value),
                    None => None,
                },
            };
            values.extend(value.map(|value| (*code, value)));
        }
        Ok(values)
    }
}
