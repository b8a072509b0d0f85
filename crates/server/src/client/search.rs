//! `neuraltrust search`: messages with where else they were said, or rows of a list.

use serde_json::Value;

use super::ask::{columns, rows, say, show};
use super::options::{Found, Server};
use super::table::{cell, table};
use super::{Api, ClientError};
use crate::export::List;

/// What is asked for.
pub(super) struct Wanted {
    pub(super) query: String,
    pub(super) of: Option<Found>,
    pub(super) sort: Option<String>,
    pub(super) limit: usize,
}

/// Columns of messages, and of where else each was said.
const MESSAGES: [&str; 7] = ["start_time", "role", "part", "snippet", "conversation_id", "trace_id", "span_id"];
/// Places of one message that are shown.
const PLACES: usize = 3;

/// Finds and shows. Where it is not said what, messages, unless there are none to ask for: the query has no words, asks for what only
/// conversations have, or wants another order.
pub(super) fn search(api: &Api, wanted: &Wanted, server: &Server) -> anyhow::Result<()> {
    let list = match wanted.of {
        Some(Found::Messages) => return messages(&found(api, "search", wanted)?, server),
        Some(Found::Conversations) => List::Conversations,
        Some(Found::Traces) => List::Traces,
        Some(Found::Spans) => List::Spans,
        None if matches!(wanted.sort.as_deref(), None | Some("time" | "relevance")) => match found(api, "search", wanted) {
            Ok(found) => return messages(&found, server),
            Err(ClientError::Refused { status: 400, reason, .. }) if ["no_words", "bad_query"].contains(&reason.as_str()) => {
                List::Conversations
            }
            Err(error) => return Err(error.into()),
        },
        None => List::Conversations,
    };
    show(server, &found(api, list.as_str(), wanted)?, columns(list))
}

fn found(api: &Api, list: &str, wanted: &Wanted) -> Result<Value, ClientError> {
    let mut asked = vec![("q", wanted.query.clone()), ("limit", wanted.limit.to_string())];
    asked.extend(wanted.sort.clone().map(|sort| ("sort", sort)));
    api.get(&format!("/api/v1/{list}"), &asked)
}

/// Where something was said, and by whom: what has no role was said by a step.
fn place_of(place: &Value) -> Vec<String> {
    let mut row = MESSAGES.map(|path| cell(place, path)).to_vec();
    if let Some(who) = row.get_mut(1).filter(|who| who.is_empty()) {
        *who = cell(place, "kind");
    }
    row
}

fn messages(answer: &Value, server: &Server) -> anyhow::Result<()> {
    if server.json {
        return say(&answer.to_string());
    }
    let mut shown = Vec::new();
    for message in rows(answer) {
        shown.push(place_of(message));
        let also = message.get("also").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for place in also.iter().take(PLACES) {
            let mut row = place_of(place);
            if let [_, who, _, words, ..] = row.as_mut_slice() {
                "also".clone_into(who);
                *words = cell(place, "name");
            }
            shown.push(row);
        }
        let all = message.get("also_count").and_then(Value::as_u64).unwrap_or(0);
        let more = all.saturating_sub(also.len().min(PLACES) as u64);
        if more > 0 {
            shown.push(vec![String::new(), format!("and {more} more")]);
        }
    }
    say(&table(&MESSAGES, &shown))?;
    if answer.get("next_cursor").is_some_and(|cursor| !cursor.is_null()) || answer.get("truncated") == Some(&Value::Bool(true)) {
        say("There are more; raise --limit, or narrow the query down")?;
    }
    Ok(())
}
