//! Apache Parquet, by the low-level writer of the `parquet` crate: a row group is in memory at a time.

use std::path::Path;
use std::sync::Arc;

use neuraltrust_model::Timestamp;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::columns::{Column, Kind};
use super::manifest::Manifest;

/// Most rows of a row group.
const GROUP_ROWS: usize = 10_000;
/// Bytes of values in a row group from which on it is written.
const GROUP_BYTES: usize = 16 << 20;
/// The key under which the file says what it is of.
const KEY: &str = "neuraltrust.export";

/// Writes rows as Parquet.
pub(super) struct Writer {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<(Column, Values)>,
    rows: usize,
    bytes: usize,
}

/// The values of a column, those that are there, in order.
enum Values {
    Texts(Vec<ByteArray>, Vec<i16>),
    Wholes(Vec<i64>, Vec<i16>),
    Numbers(Vec<f64>, Vec<i16>),
    Flags(Vec<bool>, Vec<i16>),
}

impl Values {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Json => Self::Texts(Vec::new(), Vec::new()),
            Kind::Time | Kind::Whole => Self::Wholes(Vec::new(), Vec::new()),
            Kind::Number => Self::Numbers(Vec::new(), Vec::new()),
            Kind::Flag => Self::Flags(Vec::new(), Vec::new()),
        }
    }

    /// Adds a value; says how many bytes it takes up.
    fn push(&mut self, kind: Kind, value: Option<&Value>) -> usize {
        fn add<T>(values: &mut Vec<T>, there: &mut Vec<i16>, value: Option<T>) {
            there.push(i16::from(value.is_some()));
            values.extend(value);
        }
        match self {
            Self::Texts(values, there) => {
                let text = value.map(|value| match value {
                    Value::String(text) if kind == Kind::Text => text.clone(),
                    other => other.to_string(),
                });
                let bytes = text.as_ref().map_or(0, String::len);
                add(values, there, text.map(|text| ByteArray::from(text.into_bytes())));
                return bytes;
            }
            Self::Wholes(values, there) if kind == Kind::Time => {
                let time = value.and_then(Value::as_str).and_then(|text| Timestamp::try_from(text.to_owned()).ok());
                add(values, there, time.map(Timestamp::as_nanos));
            }
            // Greater numbers than the format has are the greatest.
            Self::Wholes(values, there) => {
                let whole = value.and_then(Value::as_u64);
                add(values, there, whole.map(|whole| i64::try_from(whole).unwrap_or(i64::MAX)));
            }
            Self::Numbers(values, there) => add(values, there, value.and_then(Value::as_f64)),
            Self::Flags(values, there) => add(values, there, value.and_then(Value::as_bool)),
        }
        size_of::<i64>()
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match self {
            Self::Texts(values, there) => column.typed::<ByteArrayType>().write_batch(values, Some(there), None)?,
            Self::Wholes(values, there) => column.typed::<Int64Type>().write_batch(values, Some(there), None)?,
            Self::Numbers(values, there) => column.typed::<DoubleType>().write_batch(values, Some(there), None)?,
            Self::Flags(values, there) => column.typed::<BoolType>().write_batch(values, Some(there), None)?,
        };
        Ok(())
    }
}

/// The type of a column, as the format's own notation has it.
fn type_of(column: &Column) -> String {
    let name = column.plain_name();
    match column.kind {
        Kind::Text => format!("optional binary {name} (UTF8);"),
        Kind::Json => format!("optional binary {name} (JSON);"),
        Kind::Time => format!("optional int64 {name} (TIMESTAMP(NANOS,true));"),
        Kind::Whole => format!("optional int64 {name};"),
        Kind::Number => format!("optional double {name};"),
        Kind::Flag => format!("optional boolean {name};"),
    }
}

impl Writer {
    /// A file of these columns, which says of itself what is asked for.
    pub(super) fn new(columns: &[Column], manifest: &Manifest) -> Result<Self, ParquetError> {
        let types: String = columns.iter().map(type_of).collect();
        let schema = parse_message_type(&format!("message neuraltrust {{ {types} }}"))?;
        let about = serde_json::to_string(&serde_json::json!({
            "version": manifest.version, "of": manifest.of, "q": manifest.q, "after": manifest.after, "before": manifest.before,
            "full": manifest.full, "begun_at": manifest.begun_at,
        }));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("neuraltrust {}", manifest.version))
            .set_key_value_metadata(Some(vec![KeyValue::new(KEY.to_owned(), about.ok())]));
        Ok(Self {
            file: SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()))?,
            columns: columns.iter().map(|column| (*column, Values::of(column.kind))).collect(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Adds a row; what is to be written by then goes behind `out`.
    pub(super) fn row(&mut self, row: &Value, out: &mut Vec<u8>) -> Result<(), ParquetError> {
        for (column, values) in &mut self.columns {
            self.bytes += values.push(column.kind, column.value(row));
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.group(out)?;
        }
        Ok(())
    }

    fn group(&mut self, out: &mut Vec<u8>) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (column, values) in &mut self.columns {
            if let Some(mut writer) = group.next_column()? {
                values.write(&mut writer)?;
                writer.close()?;
            }
            *values = Values::of(column.kind);
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        self.take(out)
    }

    fn take(&mut self, out: &mut Vec<u8>) -> Result<(), ParquetError> {
        self.file.flush()?;
        out.append(self.file.inner_mut());
        Ok(())
    }

    /// Writes what is left, and the end of the file.
    pub(super) fn end(mut self, out: &mut Vec<u8>) -> Result<(), ParquetError> {
        if self.rows > 0 {
            self.group(out)?;
        }
        self.file.finish()?;
        self.take(out)
    }
}

/// How many rows a file has, all of whose pages are there.
pub(crate) fn rows_of(path: &Path) -> Result<u64, ParquetError> {
    let reader = SerializedFileReader::new(std::fs::File::open(path)?)?;
    for n in 0..reader.num_row_groups() {
        let group = reader.get_row_group(n)?;
        for column in 0..group.num_columns() {
            let pages = group.get_column_page_reader(column)?;
            for page in pages {
                page?;
            }
        }
    }
    Ok(reader.metadata().file_metadata().num_rows().cast_unsigned())
}

#[cfg(test)]
mod tests {
    use parquet::record::RowAccessor as _;
    use serde_json::json;

    use super::*;
    use crate::export::{List, columns, manifest};

    #[test]
    fn rows_are_read_back_with_what_they_have_and_have_not() {
        let columns = columns::of(List::Spans, true);
        let mut writer = Writer::new(&columns, &manifest::example("kind:tool")).unwrap();
        let mut out = Vec::new();
        let rows = GROUP_ROWS + 5;
        for n in 0..rows {
            let row = json!({
                "trace_id": format!("t{n}"), "start_time": "2026-11-29T10:00:00.000000007Z", "cost": 0.5, "usage_counted": true,
                "usage": { "input": n, "output": null }, "input": { "type": "text", "text": "hé" },
            });
            writer.row(&row, &mut out).unwrap();
        }
        assert!(!out.is_empty(), "the first rows are written before the last");
        writer.end(&mut out).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spans.parquet");
        std::fs::write(&path, &out).unwrap();
        assert_eq!(rows_of(&path).unwrap(), rows as u64);
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(about.iter().any(|pair| pair.key == KEY && pair.value.as_ref().unwrap().contains("kind:tool")));
        let last = reader.get_row_iter(None).unwrap().last().unwrap().unwrap();
        let at = |path: &str| columns.iter().position(|column| column.path == path).unwrap();
        assert_eq!(last.get_string(at("trace_id")).unwrap(), &format!("t{}", rows - 1));
        assert_eq!(last.get_long(at("usage.input")).unwrap(), rows as i64 - 1);
        assert!(last.get_long(at("usage.output")).is_err(), "there is none");
        assert_eq!(last.get_long(at("start_time")).unwrap() % 1_000_000_000, 7);
        assert!((last.get_double(at("cost")).unwrap() - 0.5).abs() < f64::EPSILON);
        out.truncate(out.len() - 1);
        std::fs::write(&path, &out).unwrap();
        assert!(rows_of(&path).is_err());
    }
}
