//! Lists that the people of a project keep together: each is set as a whole, in place of the revision that was read.

use std::collections::HashSet;

use axum::Json;
use axum::http::StatusCode;
use neuraltrust_store::{Kept, KeptList, ProjectStore};

use super::params::{bad, named};
use crate::error::ApiError;

/// Largest part of an item that is kept as it is given, as JSON, in bytes.
pub(super) const MAX_JSON: usize = 8 << 10;

/// Refuses more than there may be.
pub(super) fn few(field: &str, given: usize, most: usize) -> Result<(), ApiError> {
    match given <= most {
        true => Ok(()),
        false => Err(bad(format!("{field}: {given} are given; there may be {most}"))),
    }
}

/// Refuses items, by id and name, whose name is not good for one, or whose id is that of another.
pub(super) fn told_apart<'a>(items: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), ApiError> {
    let mut ids = HashSet::new();
    for (n, (id, name)) in items.enumerate() {
        named(&format!("items[{n}].id"), id)?;
        named(&format!("items[{n}].name"), name)?;
        if !ids.insert(id) {
            return Err(bad(format!("items[{n}].id: another one has the id {id:?}")));
        }
    }
    Ok(())
}

/// Sets the list of a project in place of the one of the same revision.
pub(super) async fn set(project: &ProjectStore, list: KeptList, new: Kept) -> Result<Json<Kept>, ApiError> {
    project.set_kept(list, new).await?.map(Json).ok_or_else(|| changed_meanwhile(list))
}

/// What is answered to a change on top of an old revision.
pub(super) fn changed_meanwhile(list: KeptList) -> ApiError {
    let detail = format!("the {} have been changed meanwhile; read them again, and change those", list.as_str());
    ApiError::new(StatusCode::CONFLICT, "changed_meanwhile", detail)
}
