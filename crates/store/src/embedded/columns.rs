//! The columns of one segment of the index, by what they are about.

use std::collections::HashMap;

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
    /// The marks of the values that a document has.
    pub(super) fn marks(&self, doc: DocId, mut each: impl FnMut(u64)) {
        match self {
            Self::Text(column) => column.ords().values_for_doc(doc).for_each(each),
            Self::Flag(column) => column.values_for_doc(doc).for_each(|flag| each(flag.into())),
            Self::Whole(column) | Self::Millis(column) => column.values_for_doc(doc).for_each(each),
            Self::Time(column) | Self::Signed(column) => {
                column.values_for_doc(doc).for_each(|number| each(number.cast_unsigned()));
            }
            Self::Float(column) => column.values_for_doc(doc).for_each(|number| each(number.to_bits())),
        }
    }

    /// The numbers that a document has.
    pub(super) fn numbers(&self, doc: DocId, mut each: impl FnMut(f64)) {
        match self {
            Self::Whole(column) => column.values_for_doc(doc).for_each(|number| each(number as f64)),
            Self::Millis(column) => column.values_for_doc(doc).for_each(|nanos| each(nanos as f64 / NANOS_PER_MILLI)),
            Self::Signed(column) => column.values_for_doc(doc).for_each(|number| each(number as f64)),
            Self::Float(column) => column.values_for_doc(doc).for_each(each),
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

    /// The values of marks.
    pub(super) fn common(&self, marks: impl IntoIterator<Item = u64>) -> tantivy::Result<HashMap<u64, Common>> {
        let value = |mark: u64| match self {
            Self::Flag(_) => Common::Flag(mark > 0),
            Self::Whole(_) => Common::number(mark as f64),
            Self::Millis(_) => Common::number(mark as f64 / NANOS_PER_MILLI),
            Self::Signed(_) => Common::number(mark.cast_signed() as f64),
            Self::Time(_) => Common::Time(mark.cast_signed()),
            Self::Float(_) | Self::Text(_) => Common::number(f64::from_bits(mark)),
        };
        let Self::Text(column) = self else { return Ok(marks.into_iter().map(|mark| (mark, value(mark))).collect()) };
        // A dictionary is quick to read in order.
        let mut ords: Vec<u64> = marks.into_iter().collect();
        ords.sort_unstable();
        ords.dedup();
        let mut texts = Vec::with_capacity(ords.len());
        column.dictionary().sorted_ords_to_term_cb(&ords, |text| {
            texts.push(Common::Text(String::from_utf8_lossy(text).into_owned()));
        })?;
        Ok(ords.into_iter().zip(texts).collect())
    }
}
