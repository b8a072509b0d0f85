//! What changes, as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use neuraltrust_store::{Filter, ProjectId};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, interval_at};
use utoipa::IntoParams;

use super::params::{ListParams, Params, list_named};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;
use crate::live::{Full, Listener, MAX_LISTENERS, MAX_SUBJECTS, Said, Subject, Told};

/// Pause after which a sign of life keeps the connection open through proxies, and says how far everything was told.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// What is followed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(try_from = "Vec<(String, String)>")]
#[into_params(parameter_in = Query)]
pub(super) struct LiveParams {
    /// `conversations`, `traces` or `spans`, of which rows are sent; where neither this nor a condition is given, what changes is
    /// only named.
    of: Option<String>,
    #[param(ignore)]
    rows: ListParams,
}

impl TryFrom<Vec<(String, String)>> for LiveParams {
    type Error = String;

    fn try_from(mut pairs: Vec<(String, String)>) -> Result<Self, String> {
        let of = pairs.iter().position(|(known, _)| known == "of").map(|at| pairs.remove(at).1);
        Ok(Self { of, rows: ListParams::try_from(pairs)? })
    }
}

impl LiveParams {
    fn subject(self, project: ProjectId) -> Result<Subject, ApiError> {
        let list = list_named(self.of.as_deref())?;
        let filter = self.rows.unpaged()?.filter(list)?;
        let rows = (self.of.is_some() || filter != Filter::default()).then_some((list, filter));
        Ok(Subject { project, rows })
    }
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        let detail = match full {
            Full::Listeners => format!("{MAX_LISTENERS} listen already, which is as many as there may be; try again later"),
            Full::Subjects => {
                format!(
                    "{MAX_SUBJECTS} different queries are followed already, which is as many as there may be; try again later"
                )
            }
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_listeners", detail)
    }
}

/// What changes, as server-sent events, until the client leaves.
///
/// `ready` comes first. `change` names `conversation_ids` and `trace_ids` after lists show that they changed; where `of` or a
/// condition is given, it has the rows that changed and pass as `items` instead. `lagged`: some changes are not told; read again what
/// you show. `dropped`: you read too slowly, and the stream ends; come back. An event's id says up to where everything was told: sent
/// back as `Last-Event-ID`, which browsers do by themselves, it brings what was missed, also after a restart of the server; where
/// that is too much, `lagged`. A row may come again though it has not changed. Times in a condition that are counted from now are
/// counted from when the stream begins.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "read", params(LiveParams, ListParams, ("Last-Event-ID" = Option<String>, Header,
    description = "Id of the last event that was read before")),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = String),
        (status = "4XX", body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn live(
    State(app): State<App>,
    Reader(grant): Reader,
    headers: HeaderMap,
    Params(params): Params<LiveParams>,
) -> Result<impl IntoResponse, ApiError> {
    let subject = params.subject(grant.project)?;
    let listener = app.listeners.join(&subject)?;
    let position = listener.position;
    let ready = |seq| event(seq, &Said { name: "ready", data: "{}".to_owned() });
    let first = match headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.trim().parse().ok())) {
        None => VecDeque::from([ready(position)]),
        Some(Some(seq)) => match app.listeners.since(&subject, seq).await? {
            Told { seq, said: None } => VecDeque::from([ready(seq)]),
            // Who leaves between the two knows no more than before.
            Told { seq: now, said: Some(said) } => VecDeque::from([ready(seq), event(now, &said)]),
        },
        // An id of another server, say.
        Some(None) => VecDeque::from([ready(position), event(position, &Said::lagged())]),
    };
    let beat = interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
    let following = Following { listener, position, first, beat, ending: app.ending.clone(), over: false };
    let events = stream::unfold(following, |mut following| async {
        following.next().await.map(|event| (Ok::<_, Infallible>(event), following))
    });
    // Proxies such as nginx are not to gather events before they pass them on.
    Ok(([("x-accel-buffering", "no")], Sse::new(events)))
}

fn event(seq: u64, said: &Said) -> Event {
    Event::default().event(said.name).id(seq.to_string()).data(&said.data)
}

/// A listener and what it is told next.
struct Following {
    listener: Listener,
    /// Up to which patch everything was told.
    position: u64,
    /// What comes before anything new.
    first: VecDeque<Event>,
    beat: Interval,
    /// Becomes true when the server is to end.
    ending: watch::Receiver<bool>,
    over: bool,
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.first.pop_front() {
            return Some(event);
        }
        while !self.over {
            tokio::select! {
                // What was told before the end is heard.
                biased;
                told = self.listener.told.recv() => match told {
                    Ok(told) => {
                        self.position = told.seq;
                        if let Some(said) = told.said {
                            self.beat.reset();
                            return Some(event(told.seq, &said));
                        }
                    }
                    Err(RecvError::Lagged(events)) => {
                        self.over = true;
                        let data = format!("{{\"events\":{events}}}");
                        return Some(event(self.position, &Said { name: "dropped", data }));
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.beat.tick() => return Some(Event::default().id(self.position.to_string()).comment("alive")),
                ended = self.ending.wait_for(|ending| *ending) => {
                    drop(ended);
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::to_bytes;
    use tokio::sync::broadcast;

    use super::*;

    async fn heard(told: &broadcast::Sender<Told>, events: u64) -> String {
        let (ending, ended) = watch::channel(false);
        let beat = interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
        let following =
            Following { listener: Listener::of(told), position: 7, first: VecDeque::new(), beat, ending: ended, over: false };
        for seq in 8..8 + events {
            let said = (seq % 2 == 0).then(|| Arc::new(Said { name: "change", data: format!("{{\"n\":{seq}}}") }));
            assert!(told.send(Told { seq, said }).is_ok());
        }
        let following = stream::unfold(following, |mut following| async {
            following.next().await.map(|event| (Ok::<_, Infallible>(event), following))
        });
        let response = Sse::new(following).into_response();
        ending.send_replace(true);
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("the stream ends");
        String::from_utf8(body.to_vec()).expect("events are text")
    }

    #[tokio::test]
    async fn who_reads_too_slowly_is_told_and_dropped() {
        let told = broadcast::Sender::new(4);
        let text = heard(&told, 50).await;
        assert_eq!(text, "event: dropped\nid: 7\ndata: {\"events\":46}\n\n", "nothing behind what was missed");
    }

    #[tokio::test]
    async fn who_keeps_up_hears_everything_until_the_server_ends() {
        let told = broadcast::Sender::new(4);
        let text = heard(&told, 3).await;
        assert!(text.starts_with("event: change\nid: 8\ndata: {\"n\":8}\n\n"), "{text}");
    }
}
