//! The values that a field has over a list, and how often.

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{Facets, Key};
use serde::Deserialize;
use utoipa::IntoParams;

use super::params::{ListParams, Params, bad, list_named};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Which field of which list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(try_from = "Vec<(String, String)>")]
#[into_params(parameter_in = Query)]
pub(super) struct FacetParams {
    /// `conversations`, `traces` or `spans`.
    #[param(default = "conversations")]
    of: Option<String>,
    /// A field of the list, or of spans a path such as `metadata.plan`.
    field: String,
    #[param(ignore)]
    rows: ListParams,
}

impl TryFrom<Vec<(String, String)>> for FacetParams {
    type Error = String;

    fn try_from(mut pairs: Vec<(String, String)>) -> Result<Self, String> {
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(known, _)| known == name)?;
            Some(pairs.remove(at).1)
        };
        let (of, field) = (take("of"), take("field"));
        let field = field.ok_or("the parameter \"field\" is missing: which field's values are counted")?;
        Ok(Self { of, field, rows: ListParams::try_from(pairs)? })
    }
}

type Counted = Result<Json<Facets>, ApiError>;

/// The values of any field over a list.
///
/// The most frequent first, each with the number of rows that have it and when it last occurred. `field` is a field of the list,
/// or a path such as `metadata.plan`; conditions are those of the list.
#[utoipa::path(
    get, path = "/api/v1/facets", tag = "read", params(FacetParams, ListParams),
    responses((status = 200, body = Facets), (status = "4XX", body = Problem))
)]
pub(super) async fn facets(State(app): State<App>, reader: Reader, Params(params): Params<FacetParams>) -> Counted {
    let list = list_named(params.of.as_deref())?;
    let key = Key::named(list, &params.field).map_err(|error| bad(format!("field: {error}")))?;
    let mut rows = params.rows.unordered()?;
    let (limit, filter) = (rows.limit()?, rows.filter(list)?);
    Ok(Json(app.store.project(reader.0.project).facets(list, key, filter, limit).await?))
}
