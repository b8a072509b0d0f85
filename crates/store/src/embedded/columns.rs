//! The columns of one segment of the index, by what they are about.

use std::fmt::Debug;

use tantivy::columnar::{Column, DynamicColumn, StrColumn};
use tantivy::{DocId, SegmentReader};

use super::index::{NANOS_PER_MILLI, column};
use crate::aggregate::{GroupValue, is_millis};
use crate::fields::Key;
use neuraltrust_model::Timestamp;

/// The values of a field or path that are of one type. Each is known within its segment by a number, its mark.
pub(super) enum Values {
    Text(StrColumn),
    Flag(Column<bool>),
    Whole(Column<u64>),
    Millis(Column<u64>),
    Time(Column<i64>),
    Signed(Column<i64>),
    Float(Column<f64>),
}

/// A value as it is the same in all segments. Numbers are in the form that orders them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Common {
    Flag(bool),
    Number(u64),
    Time(i64),
    Text(String),
}

impl Common {
    /// Bytes that it takes beside itself.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.capacity(),
            Self::Flag(_) | Self::Number(_) | Self::Time(_) => 0,
        }
    }

    pub(super) fn number(number: f64) -> Self {
        // Zero has two signs, which are the same number.
        Self::Number(tantivy::f64_to_u64(number + 0.0))
    }
}

impl From<Common> for GroupValue {
    fn from(common: Common) -> Self {
        match common {
            Common::Flag(flag) => Self::Flag(flag),
            Common::Number(number) => Self::Number(tantivy::u64_to_f64(number)),
            Common::Time(nanos) => Self::Time(Timestamp::from_nanos(nanos)),
            Common::Text(text) => Self::Text(text),
        }
    }
}

/// The columns of a key in a segment; none where nothing in it has a value.
pub(super) fn open(segment: &SegmentReader, key: &Key) -> tantivy::Result<Vec<Values>> {
    let (name, is_time) = match key {
        Key::Field(field) => (column(*field), field.of_type() == crate::FieldType::Time),
        Key::Path(root, path) => (format!("{}.{}", root.as_str(), path.replace('\\', "\\\\")), false),
    };
    let mut columns = Vec::new();
    for handle in segment.fast_fields().dynamic_column_handles(&name)? {
        columns.extend(match handle.open()? {
            DynamicColumn::Str(column) => Some(Values::Text(column)),
            DynamicColumn::Bool(column) => Some(Values::Flag(column)),
            DynamicColumn::U64(column) if is_millis(key) => Some(Values::Millis(column)),
            DynamicColumn::U64(column) => Some(Values::Whole(column)),
            DynamicColumn::I64(column) if is_time => Some(Values::Time(column)),
            DynamicColumn::I64(column) => Some(Values::Signed(column)),
            DynamicColumn::F64(column) => Some(Values::Float(column)),
            // The index makes no columns of these types.
            DynamicColumn::IpAddr(_) | DynamicColumn::DateTime(_) | DynamicColumn::Bytes(_) => None,
        });
    }
    Ok(columns)
}

impl Values {
    /// The marks of the values of these documents, which ascend: each with its document, in their order.
    pub(super) fn marks(&self, docs: &[DocId], rows: &mut Rows, mut each: impl FnMut(DocId, u64)) {
        match self {
            Self::Text(column) => rows.read(column.ords(), docs, each),
            Self::Flag(column) => rows.read(column, docs, |doc, flag| each(doc, flag.into())),
            Self::Whole(column) | Self::Millis(column) => rows.read(column, docs, each),
            Self::Time(column) | Self::Signed(column) => {
                rows.read(column, docs, |doc, number| each(doc, number.cast_unsigned()));
            }
            Self::Float(column) => rows.read(column, docs, |doc, number| each(doc, number.to_bits())),
        }
    }

    /// The numbers of these documents, which ascend: each with its document, in their order.
    pub(super) fn numbers(&self, docs: &[DocId], rows: &mut Rows, mut each: impl FnMut(DocId, f64)) {
        match self {
            Self::Whole(column) => rows.read(column, docs, |doc, number| each(doc, number as f64)),
            Self::Millis(column) => rows.read(column, docs, |doc, nanos| each(doc, nanos as f64 / NANOS_PER_MILLI)),
            Self::Signed(column) => rows.read(column, docs, |doc, number| each(doc, number as f64)),
            Self::Float(column) => rows.read(column, docs, each),
            Self::Text(_) | Self::Flag(_) | Self::Time(_) => {}
        }
    }

    /// Number of different texts, where the values are texts.
    pub(super) fn texts(&self) -> u32 {
        match self {
            Self::Text(column) => u32::try_from(column.num_terms()).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    /// The values of marks, each with its mark, in the order of the marks.
    pub(super) fn common(&self, marks: Vec<u64>) -> tantivy::Result<Vec<(u64, Common)>> {
        self.each(marks, |value| value)
    }

    /// What `make` makes of the values of marks, each with its mark, in the order of the marks.
    pub(super) fn each<T>(&self, mut marks: Vec<u64>, make: impl Fn(Common) -> T) -> tantivy::Result<Vec<(u64, T)>> {
        let value = |mark: u64| match self {
            Self::Flag(_) => Common::Flag(mark > 0),
            Self::Whole(_) => Common::number(mark as f64),
            Self::Millis(_) => Common::number(mark as f64 / NANOS_PER_MILLI),
            Self::Signed(_) => Common::number(mark.cast_signed() as f64),
            Self::Time(_) => Common::Time(mark.cast_signed()),
            Self::Float(_) | Self::Text(_) => Common::number(f64::from_bits(mark)),
        };
        // A dictionary is quick to read in order.
        marks.sort_unstable();
        marks.dedup();
        let Self::Text(column) = self else { return Ok(marks.into_iter().map(|mark| (mark, make(value(mark)))).collect()) };
        let mut texts = Vec::with_capacity(marks.len());
        column.dictionary().sorted_ords_to_term_cb(&marks, |text| {
            texts.push(make(Common::Text(String::from_utf8_lossy(text).into_owned())));
        })?;
        Ok(marks.into_iter().zip(texts).collect())
    }
}

/// Values that are read from a column at a time.
const READ_AT_A_TIME: usize = 64;

/// Where the values of documents are in a column; kept from one reading to the next for its memory.
#[derive(Debug, Default)]
pub(super) struct Rows {
    docs: Vec<DocId>,
    rows: Vec<u32>,
}

impl Rows {
    /// Reads the values of documents from one column, many at a time, since finding out how a column is stored costs more than
    /// reading from it.
    pub(super) fn read<T>(&mut self, column: &Column<T>, docs: &[DocId], mut each: impl FnMut(DocId, T))
    where
        T: Copy + Default + PartialOrd + Debug + Send + Sync + 'static,
    {
        self.docs.clear();
        self.rows.clear();
        column.row_ids_for_docs(docs, &mut self.docs, &mut self.rows);
        let mut values = [T::default(); READ_AT_A_TIME];
        for (docs, rows) in self.docs.chunks(READ_AT_A_TIME).zip(self.rows.chunks(READ_AT_A_TIME)) {
            let Some(values) = values.get_mut(..rows.len()) else { return };
            column.values.get_vals(rows, values);
            for (doc, value) in docs.iter().zip(values) {
                each(*doc, *value);
            }
        }
    }
}
