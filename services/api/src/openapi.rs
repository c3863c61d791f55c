//! The OpenAPI document, generated from the handlers and served beside them.
//!
//! What is true of every operation (who may call it, how it fails) is taken from the table of routes, so that no
//! handler can forget to say it.

use crate::frame::Reply;
use crate::route::{self, RouteSpec};
use crate::{audit, entitlements, members, orgs, registries, teams, tokens};
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web;
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};

/// The routes of the document itself.
pub const ROUTES: &[RouteSpec] = &[RouteSpec {
    method: "GET",
    template: "/api/v1/openapi.json",
    operation: "get_openapi",
    kinds: &[],
    session: false,
    handler: || web::get().to(serve),
}];

const SCHEME: &str = "token";

/// How every fault looks: RFC 9457.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// A URN made of the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// What to do about it, for people.
    pub detail: String,
    /// What to tell the operator; a 404 has it in the header `x-request-id` only.
    pub request_id: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Wharf",
        description = "Manages orgs, registries, members, tokens and entitlements. Send a token as `Authorization: Bearer …`. \
                       Creates take an `Idempotency-Key`; lists take `limit` and `cursor`.",
        version = "1"
    ),
    paths(get_openapi),
    components(schemas(Problem))
)]
struct Frame;

/// The OpenAPI document
///
/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "get_openapi", tag = "about",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
#[allow(dead_code, reason = "only the documentation of it is used")]
fn get_openapi() {}

async fn serve() -> Reply {
    static TEXT: LazyLock<Result<String, String>> =
        LazyLock::new(|| document().to_json().map_err(|error| error.to_string()));
    match &*TEXT {
        Ok(text) => Ok(HttpResponse::Ok()
            .content_type(ContentType::json())
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(text.as_str())),
        Err(error) => Err(wharf_registry::Error::internal(error.as_str()).into()),
    }
}

/// Builds the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    for part in [
        orgs::Doc::openapi(),
        registries::Doc::openapi(),
        members::Doc::openapi(),
        teams::Doc::openapi(),
        tokens::Doc::openapi(),
        audit::Doc::openapi(),
        entitlements::Doc::openapi(),
    ] {
        document.merge(part);
    }
    let components = document.components.get_or_insert_with(Default::default);
    components
        .security_schemes
        .insert(SCHEME.to_owned(), SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)).into());
    for (template, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let spec = route::all().find(|spec| spec.template == template && spec.method == method);
            complete(operation, spec, method);
        }
    }
    document
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Says what is true of every operation of this kind.
fn complete(operation: &mut Operation, spec: Option<&RouteSpec>, method: &str) {
    let Some(spec) = spec else { return };
    if spec.kinds.is_empty() {
        operation.security = Some(Vec::new());
    } else {
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
        let kinds: Vec<&str> = spec.kinds.iter().map(|kind| kind.as_str()).collect();
        let mut faults = vec![
            ("400", "the request breaks a rule".to_owned()),
            ("401", "no token, or one that is not valid here".to_owned()),
            ("403", format!("seen, but not allowed; accepted kinds of token: {}", kinds.join(", "))),
            ("404", "absent, or hidden from this token".to_owned()),
        ];
        if method != "GET" {
            faults.push(("409", "contradicts what is stored".to_owned()));
        }
        for (status, text) in faults {
            operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(&text));
        }
    }
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| problem("any other fault"));
}

fn problem(text: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(text)
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_and_the_table_agree() {
        let mut document = document();
        let mut documented = BTreeSet::new();
        for (template, item) in &mut document.paths.paths {
            let template = template.clone();
            for (method, operation) in operations(item) {
                let id = operation.operation_id.clone().unwrap();
                assert!(operation.security.is_some(), "{id} says nothing of security");
                assert!(operation.responses.responses.contains_key("default"), "{id} says nothing of faults");
                assert!(operation.summary.is_some(), "{id} has no summary");
                for parameter in template.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                    let text = serde_json::to_string(&operation.parameters).unwrap();
                    assert!(text.contains(&format!("\"name\":\"{parameter}\"")), "{id} does not explain {parameter}");
                }
                documented.insert((method.to_owned(), template.clone(), id));
            }
        }
        let registered: BTreeSet<_> = route::all()
            .map(|spec| (spec.method.to_owned(), spec.template.to_owned(), spec.operation.to_owned()))
            .collect();
        assert_eq!(registered.len(), route::all().count(), "a route stands in the table twice");
        assert_eq!(documented, registered);
        let ids: BTreeSet<_> = registered.iter().map(|(_, _, id)| id).collect();
        assert_eq!(ids.len(), registered.len(), "an operation id is used twice");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = document().to_json().unwrap();
        let schemas = document().components.unwrap().schemas;
        for reference in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schemas.contains_key(reference), "{reference}");
        }
    }
}
