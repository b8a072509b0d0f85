//! The API for reading, `/api/v1`: described by the OpenAPI document that is made from this code.

mod aggregate;
mod compare;
mod complete;
mod dashboards;
mod described;
mod disk;
mod erasures;
mod export;
mod facets;
mod filters;
mod import;
mod kept;
mod lists;
mod live;
mod measures;
mod media;
mod members;
mod params;
mod prices;
mod projects;
mod quarantine;
mod range;
mod retention;
mod scores;
mod search;
pub(crate) mod session;
mod sources;
mod status;
mod values;
mod views;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::App;

/// Every conversation that people have with an AI application: lists, details, and what changes.
///
/// Times are RFC 3339 in UTC with nanoseconds, durations milliseconds. Lists are newest first, in pages. `/api/v1/live` sends
/// what changes as server-sent events.
#[derive(OpenApi)]
#[openapi(
    info(title = "neuraltrust", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    // The manifest is no answer of its own; what refers to itself is not found by the routes.
    components(schemas(
        crate::error::Problem,
        crate::export::manifest::Manifest,
        measures::Ratio,
        measures::Rate,
        measures::Per
    )),
    security(("key" = [])),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An API key, `Authorization: Bearer KEY`"))
                .build(),
        );
        document.components.get_or_insert_default().add_security_scheme("key", scheme);
    }
}

/// The routes, with the document that describes them.
pub(crate) fn router() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(session::show, session::create, session::delete))
        .routes(routes!(status::show))
        .routes(routes!(status::make_index_anew))
        .routes(routes!(sources::list))
        .routes(routes!(lists::conversations))
        .routes(routes!(lists::conversation))
        .routes(routes!(lists::traces))
        .routes(routes!(lists::trace))
        .routes(routes!(lists::span))
        .routes(routes!(lists::context))
        .routes(routes!(lists::patches))
        .routes(routes!(media::show))
        .routes(routes!(lists::spans))
        .routes(routes!(values::users))
        .routes(routes!(values::sessions))
        .routes(routes!(values::channels))
        .routes(routes!(values::models))
        .routes(routes!(values::tools))
        .routes(routes!(search::search))
        .routes(routes!(facets::facets))
        .routes(routes!(live::live))
        .routes(routes!(compare::compare))
        .routes(routes!(complete::complete))
        .routes(routes!(aggregate::aggregate))
        .routes(routes!(export::get, export::post))
        .routes(routes!(import::import))
        .routes(routes!(prices::show, prices::replace))
        .routes(routes!(prices::explain_trace))
        .routes(routes!(prices::explain_conversation))
        .routes(routes!(scores::create, scores::list))
        .routes(routes!(scores::delete))
        .routes(routes!(dashboards::show, dashboards::replace))
        .routes(routes!(views::show, views::replace))
        .routes(routes!(projects::create, projects::list))
        .routes(routes!(projects::create_key, projects::keys))
        .routes(routes!(projects::revoke_key))
        .routes(routes!(members::invite, members::list))
        .routes(routes!(members::replace, members::remove))
        .routes(routes!(erasures::create, erasures::list))
        .routes(routes!(erasures::show))
        .routes(routes!(retention::show, retention::replace))
        .routes(routes!(disk::show))
        .routes(routes!(quarantine::list, quarantine::clear))
        .routes(routes!(quarantine::download, quarantine::delete))
        .routes(routes!(quarantine::replay));
    described::complete(router.get_openapi_mut());
    router
}
