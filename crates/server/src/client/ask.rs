//! The commands that ask a server.

use std::io::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use super::options::{ClientCommand, Server};
use super::table::{cell, cut, table};
use super::{Api, export, import, part, search, tail};
use crate::export::{Format, List};
use crate::progress::Progress;

/// Between two looks whether an erasure is done.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Values of a field that are measured.
const TOP: usize = 100;
/// Longest wait for an erasure.
const ERASED_WITHIN: Duration = Duration::from_secs(600);

pub(super) const SPANS: [&str; 9] =
    ["start_time", "kind", "name", "status", "duration_ms", "usage.output", "cost", "trace_id", "span_id"];
const TRACES: [&str; 8] = ["start_time", "name", "status", "duration_ms", "total_tokens", "cost", "trace_id", "first_words"];
const CONVERSATIONS: [&str; 8] =
    ["last_time", "user.name", "turns", "errors", "total_tokens", "cost", "conversation_id", "first_words"];

pub(super) fn columns(of: List) -> &'static [&'static str] {
    match of {
        List::Conversations => &CONVERSATIONS,
        List::Traces => &TRACES,
        List::Spans => &SPANS,
    }
}

pub(super) fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}

pub(super) fn rows(answer: &Value) -> &[Value] {
    answer.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn lines(rows: &[Value], columns: &[&str]) -> Vec<Vec<String>> {
    rows.iter().map(|row| columns.iter().map(|path| cell(row, path)).collect()).collect()
}

pub(super) fn show(server: &Server, answer: &Value, columns: &[&str]) -> anyhow::Result<()> {
    if server.json {
        return say(&answer.to_string());
    }
    say(&table(columns, &lines(rows(answer), columns)))?;
    if let Some(total) = answer.get("total").and_then(Value::as_u64).filter(|total| *total > rows(answer).len() as u64) {
        say(&format!("{} of {total}", rows(answer).len()))?;
    }
    cut_short(answer)
}

/// Says what of an answer may be missing, and why.
fn cut_short(answer: &Value) -> anyhow::Result<()> {
    let is = |name: &str| answer.get(name) == Some(&Value::Bool(true));
    if is("truncated") {
        let why = answer.get("truncated_by").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let why: Vec<&str> = why.iter().filter_map(Value::as_str).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        say(&format!("Something is left out{why}; narrow the query down"))?;
    }
    if is("timed_out") {
        say("The time that a read may take was over before everything was looked at; narrow the query down")?;
    }
    Ok(())
}

/// Asks a server what the command says.
pub(crate) fn run(command: ClientCommand) -> anyhow::Result<()> {
    match command {
        ClientCommand::Tail { query, rows, server } => tail::tail(&api(&server), &query, rows, server.json),
        ClientCommand::Search { query, of, sort, limit, server } => {
            search::search(&api(&server), &search::Wanted { query, of, sort, limit }, &server)
        }
        ClientCommand::Show { id, span: Some(span), server, .. } => {
            let path = format!("/api/v1/traces/{}/spans/{}", part(&id), part(&span));
            let found = api(&server).get(&path, &[])?;
            say(&if server.json { found.to_string() } else { serde_json::to_string_pretty(&found)? })
        }
        ClientCommand::Show { id, trace: true, server, .. } => {
            let found = api(&server).get(&format!("/api/v1/traces/{}", part(&id)), &[])?;
            let items = json!({ "items": found.get("spans") });
            if server.json { say(&found.to_string()) } else { show(&server, &items, &SPANS) }
        }
        ClientCommand::Show { id, server, .. } => conversation(&id, &server),
        ClientCommand::Stats { query, of, by, server } => stats(query, of, by, &server),
        ClientCommand::Export { query, of, format, full, rows, no_guard, out, server } => {
            let full = full || (format == Format::Jsonl && !rows);
            let wanted = export::Wanted { query, of, format, full, guard: !no_guard };
            let written = export::export(&api(&server), &wanted, &out)?;
            if server.json {
                return say(&serde_json::to_string(&written)?);
            }
            say(&format!("Wrote {} rows to {}; check them with `neuraltrust verify-export`", written.rows, out.display()))?;
            if written.truncated {
                say("Rows may be missing: a condition on steps or words was met by more than is looked at; narrow it down")?;
            }
            if written.behind > 0 {
                say(&format!("Rows may be missing: {} messages were not in the lists yet", written.behind))?;
            }
            Ok(())
        }
        ClientCommand::Import { file, from_line, server } => {
            let read = import::import(&api(&server), &file, from_line)?;
            if server.json {
                say(&serde_json::to_string(&read)?)?;
            } else {
                say(&format!("Kept {} spans of {} lines; {} were there already", read.spans, read.lines, read.known))?;
                for failure in &read.failures {
                    let told = ["line", "at", "message"].map(|name| cell(failure, name));
                    eprintln!("line {}: {}: {}", told[0], told[1], cut(&told[2]));
                }
            }
            if read.failed > 0 {
                bail!("{} lines or spans of {} lines were not kept", read.failed, read.lines);
            }
            Ok(())
        }
        ClientCommand::Score { name, value, conversation, trace, span, comment, server } => {
            let verdict = serde_json::from_str(&value).ok().filter(|read: &Value| read.is_number() || read.is_boolean());
            let mut body = Map::new();
            body.insert("name".to_owned(), json!(name));
            body.insert("value".to_owned(), verdict.unwrap_or_else(|| json!(value)));
            for (field, given) in
                [("conversation_id", conversation), ("trace_id", trace), ("span_id", span), ("comment", comment)]
            {
                body.extend(given.map(|given| (field.to_owned(), json!(given))));
            }
            let kept = api(&server).post("/api/v1/scores", &Value::Object(body))?;
            say(&if server.json { kept.to_string() } else { format!("Kept as {}", cell(&kept, "id")) })
        }
        ClientCommand::Erase { conversation, trace, user, query, server } => {
            let mut body = Map::new();
            for (field, given) in [("conversation_id", conversation), ("trace_id", trace), ("user_id", user)] {
                body.extend(given.map(|given| (field.to_owned(), json!(given))));
            }
            body.extend(query.map(|query| ("filter".to_owned(), json!({ "q": query }))));
            erase(&Value::Object(body), &server)
        }
    }
}

fn api(server: &Server) -> Api {
    Api::new(&server.url, server.key.clone())
}

fn conversation(id: &str, server: &Server) -> anyhow::Result<()> {
    let found = api(server).get(&format!("/api/v1/conversations/{}", part(id)), &[])?;
    if server.json {
        return say(&found.to_string());
    }
    say(&table(&CONVERSATIONS, &lines(found.get("conversation").map(std::slice::from_ref).unwrap_or_default(), &CONVERSATIONS)))?;
    for turn in found.get("turns").and_then(Value::as_array).into_iter().flatten() {
        say(&format!("\n{}  {}  {} ms", cell(turn, "start_time"), cell(turn, "status"), cell(turn, "duration_ms")))?;
        for (who, side) in [("user", "input"), ("answer", "output")] {
            let text = match cell(turn, &format!("{side}.text")) {
                text if text.is_empty() => cell(turn, side),
                text => text,
            };
            // A terminal must not obey what somebody said.
            let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
            say(&format!("{who}: {text}"))?;
        }
    }
    Ok(())
}

fn stats(query: String, of: List, by: Option<String>, server: &Server) -> anyhow::Result<()> {
    let group = by.as_ref().map(|by| json!({ "field": by, "top": TOP })).into_iter().collect::<Vec<_>>();
    let body = json!({
        "of": of.as_str(), "filter": { "q": query }, "group_by": group,
        "metrics": [
            "error_share", { "percentiles": { "field": "duration_ms", "of": [50, 95] } },
            { "sum": { "field": "usage.total" } }, { "sum": { "field": "cost" } }
        ]
    });
    let answer = api(server).post("/api/v1/aggregate", &body)?;
    if server.json {
        return say(&answer.to_string());
    }
    let names = [by.as_deref().unwrap_or("of"), "count", "error_share", "p50_ms", "p95_ms", "tokens", "cost"];
    let paths = ["group.0", "count", "values.0", "values.1.0", "values.1.1", "values.2", "values.3"];
    let mut shown = lines(rows(&answer), &paths);
    if by.is_none() {
        shown.iter_mut().filter_map(|row| row.first_mut()).for_each(|cell| of.as_str().clone_into(cell));
    }
    say(&table(&names, &shown))?;
    cut_short(&answer)
}

fn erase(body: &Value, server: &Server) -> anyhow::Result<()> {
    let api = api(server);
    let mut erasure = api.post("/api/v1/erasures", body)?;
    let (begin, mut bar) = (Instant::now(), Progress::new("Erasing"));
    while erasure.get("done_at").is_none_or(Value::is_null) {
        if begin.elapsed() > ERASED_WITHIN {
            bail!("the erasure {} goes on in the background; look at /api/v1/erasures", cell(&erasure, "id"));
        }
        sleep(LOOK_EVERY);
        erasure = api.get(&format!("/api/v1/erasures/{}", cell(&erasure, "id")), &[])?;
        let traces = erasure.get("traces").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let gone = traces.iter().filter(|trace| trace.get("spans").is_some_and(Value::is_number)).count();
        bar.show(gone as u64, traces.len() as u64);
    }
    bar.end();
    say(&if server.json {
        erasure.to_string()
    } else {
        format!("Erased {} traces with {} spans", cell(&erasure, "trace_count"), cell(&erasure, "spans"))
    })
}
