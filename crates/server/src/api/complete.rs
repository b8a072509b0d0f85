//! What may stand where somebody types a query.

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{Key, Typed, Typing, written};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::params::{ListParams, Params, bad, list_named};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;
use crate::ingest::now;

/// A query that is being typed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CompleteParams {
    /// What is listed: `conversations`, `traces` or `spans`.
    #[param(default = "conversations")]
    of: Option<String>,
    /// The whole text as it stands.
    #[serde(default)]
    #[param(required = false, example = "model:gp")]
    q: String,
    /// Where the cursor is, in UTF-16 code units; the end where nothing is said.
    #[param(value_type = Option<usize>)]
    at: Option<String>,
    /// Most completions: 1 to 1000.
    #[param(default = 50, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

/// What a completion is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CompletionKind {
    /// The name of a field, or another name that stands before a colon.
    Field,
    /// A path below what applications add.
    Path,
    /// A value.
    Value,
}

/// One completion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Completion {
    /// What takes the place of the text from `from` to `to`.
    text: String,
    /// What it is.
    kind: CompletionKind,
    /// How often a value, or a path, occurs among what the rest of the query finds; null where that is not counted.
    count: Option<u64>,
}

/// What may stand where somebody types.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "from": 6, "to": 8, "items": [{ "text": "gpt-4o", "kind": "value", "count": 812 }], "truncated": false, "timed_out": false }))]
pub(super) struct Completions {
    /// Where what is being typed begins, in UTF-16 code units as JavaScript counts them.
    from: usize,
    /// Where it ends.
    to: usize,
    /// The completions: names in order, values the most frequent first. Empty where only the writer knows.
    items: Vec<Completion>,
    /// Whether not everything was counted.
    truncated: bool,
    /// Whether the time that a read may take was over before everything was counted.
    timed_out: bool,
}

/// What may stand at a place of a query: names of fields, then values of the field before the colon, with counts.
///
/// Made for a box that completes what is typed: the answer names the stretch of the text that a choice would replace. Values
/// come with how often they occur in the list.
#[utoipa::path(
    get, operation_id = "complete", path = "/api/v1/complete", tag = "read", params(CompleteParams),
    responses((status = 200, body = Completions), (status = "4XX", body = Problem))
)]
pub(super) async fn complete(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(params): Params<CompleteParams>,
) -> Result<Json<Completions>, ApiError> {
    let list = list_named(params.of.as_deref())?;
    let limit = ListParams::limited(params.limit).limit()?;
    let at = params.at.as_deref().map_or(Ok(usize::MAX), str::parse);
    let at = at.map_err(|_| bad("at: give a number of UTF-16 code units from 0 on"))?;
    let project = app.store.project(grant.project);
    let typing = Typing::read(list, &params.q, at, now());
    let (mut truncated, mut timed_out) = (false, false);
    let uncounted = |text: String, kind: CompletionKind| Completion { text, kind, count: None };
    let mut items: Vec<Completion> = match typing.what {
        Typed::Name { names, path, .. } => {
            // Behind `has:` a name stands by itself.
            let behind = params.q.encode_utf16().take(typing.at.start).last();
            let colon = if behind == Some(u16::from(b':')) { "" } else { ":" };
            let mut items: Vec<Completion> =
                names.into_iter().map(|name| uncounted(format!("{name}{colon}"), CompletionKind::Field)).collect();
            if let Some((root, begun)) = path {
                let paths = project.paths(root, begun, limit).await?;
                items.extend(paths.into_iter().map(|(path, count)| Completion {
                    text: format!("{}{colon}", Key::Path(root, path)),
                    kind: CompletionKind::Path,
                    count: Some(count),
                }));
            }
            items
        }
        Typed::Value { of, key, begun, filter } => {
            let facets = project.facets(of, key, filter, limit).await?;
            (truncated, timed_out) = (facets.truncated, facets.timed_out);
            // A thing with several values is counted for each of them.
            let begins = facets.items.into_iter().filter(|row| row.value.starts_with(&begun));
            begins
                .map(|row| Completion { text: written(&row.value), kind: CompletionKind::Value, count: Some(row.count) })
                .collect()
        }
        Typed::Word { words } => words.into_iter().map(|word| uncounted(word.to_owned(), CompletionKind::Value)).collect(),
        Typed::Anything => Vec::new(),
    };
    truncated |= items.len() > limit;
    items.truncate(limit);
    Ok(Json(Completions { from: typing.at.start, to: typing.at.end, items, truncated, timed_out }))
}
