//! Tables for people: columns as wide as what stands in them.

use serde_json::Value;

/// Widest column, in characters; what is longer is cut.
const WIDEST: usize = 48;

/// Rows with names above them.
pub(super) fn table(names: &[&str], rows: &[Vec<String>]) -> String {
    let shown: Vec<Vec<String>> = std::iter::once(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        .chain(rows.iter().map(|row| row.iter().map(|cell| cut(cell)).collect()))
        .collect();
    let width = |n: usize| shown.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    shown.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One line of a text. Control characters, which a terminal would obey, are left out.
pub(super) fn cut(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= WIDEST {
        return line;
    }
    let mut short: String = line.chars().take(WIDEST - 1).collect();
    short.push('…');
    short
}

/// What stands at a path of names in an answer, as a reader writes it; nothing where there is nothing.
pub(super) fn cell(row: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.replace('.', "/"));
    match row.pointer(&pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => match number.as_f64().filter(|_| number.is_f64()) {
            // Six digits tell a cost and a duration.
            Some(float) => format!("{float:.6}").trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => number.to_string(),
        },
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [vec!["a".to_owned(), "x\ny\u{1b}[31m".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(table(&["id", "text"], &rows), "id      text\na       x y[31m\nlonger");
        assert_eq!(cut(&"é".repeat(100)).chars().count(), WIDEST);
    }

    #[test]
    fn cells_are_what_a_reader_writes() {
        let row = json!({ "a": { "b": 1.50 }, "n": 7, "t": "x", "no": null, "l": [1] });
        let cells: Vec<String> = ["a.b", "n", "t", "no", "none", "l"].map(|path| cell(&row, path)).into();
        assert_eq!(cells, ["1.5", "7", "x", "", "", "[1]"]);
    }
}
