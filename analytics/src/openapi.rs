//! The machine-readable contract, made from the routes themselves.

use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, Response,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{routes, views};

/// The document as `analytics/openapi.json` holds it.
#[must_use]
pub fn openapi_json() -> String {
    let (_, document) = routes::documented().split_for_parts();
    // A document of texts and maps always serialises.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// What the document says besides its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sendry analytics",
        description = "Every dashboard question, answered from buckets. docs/API.md says what the numbers mean.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(views::Problem, views::EndpointSort)),
    modifiers(&Token),
    security((), ("token" = [])),
    tags(
        (name = "analytics", description = "Numbers over a range of time"),
        (name = "pipeline", description = "What becomes of events on their way"),
        (name = "settings", description = "What there is")
    )
)]
pub(crate) struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", scheme);
    }
}

/// Any answer but 200.
pub(crate) struct Refused;

impl IntoResponses for Refused {
    fn responses() -> std::collections::BTreeMap<String, RefOr<Response>> {
        let mut response = Response::new("RFC 9457 problem details");
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let media = "application/problem+json".to_owned();
        response.content.insert(media, RefOr::T(content));
        [("default".to_owned(), RefOr::T(response))].into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_what_the_routes_say() {
        let committed = include_str!("../openapi.json");
        assert!(
            committed == openapi_json(),
            "analytics/openapi.json is stale: run `cargo xtask generate` and commit what it writes"
        );
    }
}
