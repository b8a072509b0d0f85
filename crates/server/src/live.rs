//! `GET /api/v1/live`: what changes, as server-sent events.
//!
//! `change` names conversations and traces whose rows have changed, after the lists show it. `lagged` says that some changes
//! were missed, or were too many to name: read again what you show.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _, future};
use neuraltrust_store::{Change, ProjectId};
use serde_json::json;
use tokio_stream::wrappers::{BroadcastStream, WatchStream};

use crate::auth::Reader;
use crate::http::App;

/// More changes than these are not named.
const NAMED: usize = 200;
/// Pause after which a sign of life keeps the connection open through proxies.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Follows the changes of the asker's project until the server ends.
pub(crate) async fn live(State(app): State<App>, Reader(grant): Reader) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let project = grant.project;
    let changes = BroadcastStream::new(app.store.changes());
    let ended = WatchStream::new(app.ending.clone()).filter(|ending| future::ready(*ending)).into_future();
    let events = changes
        .filter_map(move |change| {
            future::ready(match change {
                Ok(change) => event(&change, project),
                Err(_) => Some(lagged()),
            })
        })
        .map(Ok)
        .take_until(ended);
    Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE))
}

fn event(change: &Change, project: ProjectId) -> Option<Event> {
    if change.project != project {
        return None;
    }
    if change.conversation_ids.len() + change.trace_ids.len() > NAMED {
        return Some(lagged());
    }
    let data = json!({ "conversation_ids": change.conversation_ids, "trace_ids": change.trace_ids });
    Some(Event::default().event("change").id(change.seq.to_string()).data(data.to_string()))
}

fn lagged() -> Event {
    Event::default().event("lagged").data("{}")
}
