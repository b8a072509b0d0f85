//! The table: for each target what was measured, and whether it is met.

use std::fmt;

use serde_json::{Map, Value, json};

/// One row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    what: String,
    target: String,
    figure: String,
    ratio: Option<f64>,
    met: Option<bool>,
    values: Map<String, Value>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, target: impl Into<String>, figure: impl Into<String>) -> Self {
        Self { what: what.into(), target: target.into(), figure: figure.into(), ratio: None, met: None, values: Map::new() }
    }

    /// The figure as a share of the limit that was measured beside it.
    pub(crate) fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self.value("ratio", ratio)
    }

    /// Whether the target is met.
    pub(crate) fn met(mut self, met: bool) -> Self {
        self.met = Some(met);
        self
    }

    /// A number behind the figure, for `--json`.
    pub(crate) fn value(mut self, name: &str, value: f64) -> Self {
        self.values.insert(name.to_owned(), json!(value));
        self
    }
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What the figures depend on.
    pub(crate) about: Vec<(&'static str, String)>,
    rows: Vec<Row>,
}

impl Report {
    /// Adds a row, and tells it to who is waiting.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("  {}: {}", row.what, row.figure);
        self.rows.push(row);
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> Value {
        let about: Map<String, Value> = self.about.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let row = |row: &Row| json!({"what": row.what, "target": row.target, "figure": row.figure, "met": row.met, "values": row.values});
        json!({"about": about, "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

impl fmt::Display for Report {
    /// As markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about: Vec<String> = self.about.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        writeln!(f, "{}\n", about.join("; "))?;
        writeln!(f, "| what | target | figure | ratio | met |")?;
        writeln!(f, "|---|---|---:|---:|---|")?;
        for Row { what, target, figure, ratio, met, .. } in &self.rows {
            let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            let met = met.map_or("", |met| if met { "yes" } else { "no" });
            writeln!(f, "| {what} | {target} | {figure} | {ratio} | {met} |")?;
        }
        Ok(())
    }
}

/// A count with thousands apart, e.g. `60,000`.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_is_met() {
        let mut report = Report { about: vec![("seed", "1".to_owned())], ..Report::default() };
        report.add(Row::new("chat", ">= 0.6", "9 spans/s").ratio(0.754).met(true));
        report.add(Row::new("disk", "", "1 MB"));
        let expected = "seed: 1\n\n| what | target | figure | ratio | met |\n|---|---|---:|---:|---|\n\
                        | chat | >= 0.6 | 9 spans/s | 0.75 | yes |\n| disk |  | 1 MB |  |  |\n";
        assert_eq!(report.to_string(), expected);
        assert_eq!(report.json()["rows"][0]["values"]["ratio"], 0.754);
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0.0, 999.0, 1_000.0, 1_234_567.0].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
