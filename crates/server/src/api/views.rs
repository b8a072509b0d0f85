//! Views of a project: lists of conversations that its people gave a name.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{Kept, KeptList};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::kept::{MAX_JSON, changed_meanwhile, few, set, told_apart};
use super::params::{Body, bad};
use crate::auth::{Editor, Reader};
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Most views of a project.
const MAX_VIEWS: usize = 200;

/// The views of a project.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "revision": 2, "items": [{
    "id": "failed", "name": "Failed on the web", "saved_by": "Ada",
    "search": { "q": "channel:web", "status": "error", "since": "7d", "columns": "user,words,time" }
}] }))]
pub(super) struct Views {
    /// Grows by every change. Who sets them gives the one that they have read, so that nobody's change is lost.
    revision: u64,
    /// The views, up to 200, in their order.
    items: Vec<View>,
}

/// A list of conversations under a name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct View {
    /// Its id, unlike the others'.
    id: String,
    /// What it is called.
    name: String,
    /// Where the page shows it, by the parameters of its address: the query, the filters, the stretch of time, the order and the
    /// columns.
    search: BTreeMap<String, String>,
    /// The member who saved it as it is; null where that was nobody in particular. The server says it: what is given here is not
    /// looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saved_by: Option<String>,
}

impl Views {
    fn check(&self) -> Result<(), ApiError> {
        few("items", self.items.len(), MAX_VIEWS)?;
        told_apart(self.items.iter().map(|view| (view.id.as_str(), view.name.as_str())))?;
        for (n, view) in self.items.iter().enumerate() {
            if json!(view.search).to_string().len() > MAX_JSON {
                return Err(bad(format!("items[{n}].search: it has more than {MAX_JSON} bytes")));
            }
        }
        Ok(())
    }

    /// Says of each view who saved it: of one that was there as it is, whoever did then, of any other `who` saves it now.
    fn sign(&mut self, there: &Value, who: Option<&str>) {
        let there = there.as_array().map(Vec::as_slice).unwrap_or_default();
        for view in &mut self.items {
            let search = json!(view.search);
            let same = there.iter().find(|old| old["id"] == view.id && old["name"] == view.name && old["search"] == search);
            view.saved_by = same.map_or(who, |old| old["saved_by"].as_str()).map(str::to_owned);
        }
    }
}

/// The views of the key's project.
///
/// Each is a list of conversations that somebody gave a name, as the address of the page has it.
#[utoipa::path(
    get, operation_id = "views", path = "/api/v1/views", tag = "read",
    responses((status = 200, body = Views), (status = "4XX", body = Problem))
)]
pub(super) async fn show(State(app): State<App>, Reader(grant): Reader) -> Result<Json<Kept>, ApiError> {
    Ok(Json(app.store.project(grant.project).kept(KeptList::Views).await?))
}

/// Sets the views of the key's project.
///
/// All of them are given, in place of those of the revision that is given with them; where there is a newer one, nothing is changed.
/// Takes a key of scope `admin`, or that of a member who may edit.
#[utoipa::path(
    put, operation_id = "set_views", path = "/api/v1/views", tag = "write", request_body = Views,
    responses(
        (status = 200, description = "The views from now on, with their new revision", body = Views),
        (status = 400, description = "A view that cannot be", body = Problem, example = json!({
            "status": 400, "title": "Bad Request", "reason": "bad_parameter",
            "detail": "items[0].name: give a text of up to 200 bytes without control characters"
        })),
        (status = 409, description = "Somebody else has changed them meanwhile", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    Editor(grant): Editor,
    Body(mut body): Body<Views>,
) -> Result<Json<Kept>, ApiError> {
    body.check()?;
    let project = app.store.project(grant.project);
    // NOTE: what is set is signed by what was there at the same revision, and `set` refuses any other.
    let there = project.kept(KeptList::Views).await?;
    if there.revision != body.revision {
        return Err(changed_meanwhile(KeptList::Views));
    }
    body.sign(&there.items, grant.member.as_deref());
    set(&project, KeptList::Views, Kept { revision: body.revision, items: json!(body.items) }).await
}
