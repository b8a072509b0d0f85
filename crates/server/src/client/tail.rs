//! `neuraltrust tail`: spans as they come in, from the stream of what changes.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::ask::{SPANS, rows, say};
use super::table::{cell, cut};
use super::{Api, ClientError};

/// Spans that were there before, shown first.
const SHOWN_FIRST: usize = 10;
/// Spans that are looked at where some may have been missed.
const LOOKED_AT: usize = 1_000;
/// Spans that are remembered as shown.
const REMEMBERED: usize = 100_000;
/// Pause before a stream that ended is begun again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Shows what comes in, and again when it has ended.
pub(super) fn tail(api: &Api, query: &str, most: Option<usize>, json: bool) -> anyhow::Result<()> {
    let mut screen = Screen { shown: HashMap::new(), left: most, json, widths: SPANS.map(str::len) };
    if !json {
        say(&screen.line(&SPANS.map(str::to_owned)))?;
    }
    let mut since = None::<String>;
    loop {
        let asked = [("of", "spans".to_owned()), ("q", query.to_owned())];
        let stream = match api.stream("/api/v1/live", &asked, since.as_deref()) {
            // The server is starting again.
            Err(ClientError::Unreachable { .. } | ClientError::Refused { status: 503, .. }) if since.is_some() => {
                sleep(AGAIN_AFTER);
                continue;
            }
            stream => stream?,
        };
        if since.is_none() {
            screen.look(api, query, SHOWN_FIRST)?;
        }
        let mut event = Event::default();
        for line in BufReader::new(stream.into_body().into_reader()).lines().map_while(Result::ok) {
            if !event.take(&line) {
                continue;
            }
            since = event.id.clone().or(since);
            let Event { name, data, .. } = std::mem::take(&mut event);
            match name.as_str() {
                "change" => screen.show(rows(&serde_json::from_str(&data).unwrap_or_default()))?,
                "lagged" => screen.look(api, query, LOOKED_AT)?,
                _ => {}
            }
            if screen.is_full() {
                return Ok(());
            }
        }
        sleep(AGAIN_AFTER);
    }
}

/// An event that is being read.
#[derive(Debug, Default)]
struct Event {
    name: String,
    id: Option<String>,
    data: String,
}

impl Event {
    /// Takes a line; says whether it ended the event.
    fn take(&mut self, line: &str) -> bool {
        let (field, text) = line.split_once(':').unwrap_or((line, ""));
        let text = text.strip_prefix(' ').unwrap_or(text);
        match field {
            "event" => text.clone_into(&mut self.name),
            "id" => self.id = Some(text.to_owned()),
            "data" => self.data.push_str(text),
            _ => {}
        }
        line.is_empty()
    }
}

/// What has been shown.
struct Screen {
    /// By trace and span, whether it ran then.
    shown: HashMap<(String, String), bool>,
    /// How many rows more; without end where nothing is said.
    left: Option<usize>,
    json: bool,
    /// How wide each column has been so far.
    widths: [usize; SPANS.len()],
}

impl Screen {
    fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// Shows the newest that are there, the oldest of them first.
    fn look(&mut self, api: &Api, query: &str, limit: usize) -> anyhow::Result<()> {
        let answer = api.get("/api/v1/spans", &[("q", query.to_owned()), ("limit", limit.to_string())])?;
        self.show(rows(&answer).iter().rev())
    }

    fn show<'a>(&mut self, rows: impl IntoIterator<Item = &'a Value>) -> anyhow::Result<()> {
        if self.shown.len() > REMEMBERED {
            self.shown.clear();
        }
        for row in rows {
            let running = row.get("running") == Some(&Value::Bool(true));
            let before = self.shown.insert((cell(row, "trace_id"), cell(row, "span_id")), running);
            if self.is_full() || before.is_some_and(|ran| !ran || running) {
                continue;
            }
            let line = if self.json { row.to_string() } else { self.line(&SPANS.map(|path| cut(&cell(row, path)))) };
            say(&line)?;
            self.left = self.left.map(|left| left - 1);
        }
        Ok(())
    }

    /// A line of the table, whose columns grow with what stands in them.
    fn line(&mut self, cells: &[String]) -> String {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&mut self.widths) {
            *width = cell.chars().count().max(*width);
            line.push_str(&format!("{cell:<width$}  "));
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_with_what_stands_in_them() {
        let mut screen = Screen { shown: HashMap::new(), left: None, json: false, widths: SPANS.map(str::len) };
        let mut line = |first: &str| screen.line(&[first.to_owned(), "b".to_owned()]);
        assert_eq!(line("a"), "a           b");
        assert_eq!(line("longer than that"), "longer than that  b");
        assert_eq!(line("a"), "a                 b");
    }

    #[test]
    fn events_are_read_line_by_line() {
        let mut event = Event::default();
        let ended: Vec<bool> = [": alive", "id: 7", "event: change", "data: {\"a\":1}", ""].map(|line| event.take(line)).into();
        assert_eq!(ended, [false, false, false, false, true]);
        assert_eq!((event.name.as_str(), event.id.as_deref(), event.data.as_str()), ("change", Some("7"), "{\"a\":1}"));
    }
}
