//! Comma-separated values (RFC 4180).

use serde_json::Value;

use super::columns::{Column, Kind};

/// With what a spreadsheet begins to read a formula (OWASP, "CSV Injection").
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The line of names.
pub(super) fn names(columns: &[Column], out: &mut Vec<u8>) {
    line(columns.iter().map(|column| column.path.to_owned()), out);
}

/// The line of a row. With `guard` an apostrophe stands before texts that would be formulas; numbers and times are none.
pub(super) fn row(columns: &[Column], guard: bool, row: &Value, out: &mut Vec<u8>) {
    line(columns.iter().map(|column| cell(*column, guard, row)), out);
}

fn cell(column: Column, guard: bool, row: &Value) -> String {
    match (column.value(row), column.kind) {
        (None, _) => String::new(),
        (Some(Value::String(text)), Kind::Text) if guard && text.starts_with(FORMULA) => format!("'{text}"),
        (Some(Value::String(text)), Kind::Text | Kind::Time) => text.clone(),
        (Some(other), _) => other.to_string(),
    }
}

fn line(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push(b'"');
            out.extend(cell.replace('"', "\"\"").bytes());
            out.push(b'"');
        } else {
            out.extend(cell.bytes());
        }
    }
    out.extend(b"\r\n");
}

/// Counts records as their bytes go by: line ends that stand in no quotes.
#[derive(Debug, Default)]
pub(crate) struct Records {
    quoted: bool,
    count: u64,
}

impl Records {
    /// The next bytes.
    pub(crate) fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => self.count += 1,
                _ => {}
            }
        }
    }

    /// How many there were, the line of names among them.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::export::{List, columns};

    #[test]
    fn values_with_signs_are_quoted_and_records_counted() {
        let mut out = Vec::new();
        line(["a", "b,c", "say \"so\"", "two\nlines", ""].map(str::to_owned).into_iter(), &mut out);
        assert_eq!(String::from_utf8(out.clone()).unwrap(), "a,\"b,c\",\"say \"\"so\"\"\",\"two\nlines\",\r\n");
        let mut records = Records::default();
        out.chunks(3).for_each(|piece| records.see(piece));
        assert_eq!(records.count(), 1);
    }

    #[test]
    fn formulas_are_guarded_and_numbers_are_none() {
        let columns = columns::of(List::Spans, false);
        let span = json!({ "trace_id": "t", "name": "=1+1", "model": "@SUM(A1)", "cost": -0.5, "user": { "name": "-x" } });
        let written = |guard| {
            let mut out = Vec::new();
            row(&columns, guard, &span, &mut out);
            String::from_utf8(out).unwrap()
        };
        let guarded = written(true);
        assert!(guarded.contains("'=1+1") && guarded.contains("'@SUM(A1)") && guarded.contains("'-x"), "{guarded}");
        assert!(guarded.contains(",-0.5,"), "{guarded}");
        assert!(!written(false).contains('\''));
    }
}
