//! The table of routes of the JSON API: method, path, operation, accepted kinds of token.
//!
//! The table is the only way to register a route. The OpenAPI document is compared with it, the credential extractor
//! takes the accepted kinds from it, and the authorization tests cross it with every identity.

use crate::frame::Fault;
use crate::{audit, entitlements, members, openapi, orgs, registries, teams, tokens};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, Route, web};
use serde_json::json;
use std::collections::BTreeMap;
use std::future::ready;
use wharf_chassis::{RequestId, faces};
use wharf_domain::TokenKind;
use wharf_registry::Error;

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct RouteSpec {
    /// The method, upper case.
    pub method: &'static str,
    /// The whole path, as actix and OpenAPI both write it.
    pub template: &'static str,
    /// The operation, unique: OpenAPI's `operationId`.
    pub operation: &'static str,
    /// The kinds of token it accepts; empty for a route without a credential.
    pub kinds: &'static [TokenKind],
    /// Whether it accepts the cookie of a signed-in person. No route of the JSON API does.
    pub session: bool,
    /// Makes the handler.
    pub handler: fn() -> Route,
}

/// What manages an org: a person's own key, or a service account's.
pub const MANAGEMENT: &[TokenKind] = &[TokenKind::Personal, TokenKind::Service];

/// Every kind there is.
pub const ANY: &[TokenKind] = &TokenKind::ALL;

/// Every route of the JSON API.
pub fn all() -> impl Iterator<Item = &'static RouteSpec> {
    [
        openapi::ROUTES,
        orgs::ROUTES,
        registries::ROUTES,
        members::ROUTES,
        teams::ROUTES,
        tokens::ROUTES,
        audit::ROUTES,
        entitlements::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// The route a request was matched to.
#[must_use]
pub fn matched(request: &HttpRequest) -> Option<&'static RouteSpec> {
    let template = request.match_pattern()?;
    // HEAD is GET without the bytes.
    let method = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
    all().find(|spec| spec.template == template && spec.method == method)
}

/// Registers the table, and the answers for what is not in it.
pub(crate) fn register(cfg: &mut web::ServiceConfig) {
    cfg.app_data(faces::path_config());
    // By template in the order of bytes: a literal segment comes before `{`, so it is tried before a parameter.
    let mut by_template: BTreeMap<&str, Vec<&RouteSpec>> = BTreeMap::new();
    for spec in all() {
        by_template.entry(spec.template).or_default().push(spec);
    }
    for (template, specs) in by_template {
        let allow = specs.iter().map(|spec| spec.method).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(template);
        for spec in specs {
            resource = resource.route((spec.handler)());
        }
        cfg.service(resource.default_service(web::to(move || ready(method_not_allowed(&allow)))));
    }
    cfg.service(web::scope("/api").default_service(web::to(no_such_route)));
}

async fn no_such_route() -> Result<HttpResponse, Fault> {
    Err(Error::not_found().into())
}

fn method_not_allowed(allow: &str) -> HttpResponse {
    let mut problem = json!({
        "type": "urn:wharf:problem:method_not_allowed",
        "title": "Method Not Allowed",
        "status": 405,
        "code": "method_not_allowed",
        "detail": format!("this address knows only {allow}"),
    });
    if let Some(id) = RequestId::current() {
        problem["request_id"] = id.as_str().into();
    }
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, allow))
        .content_type("application/problem+json")
        .body(problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::{StatusCode, header};
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, http};
    use serde_json::Value;

    fn path(spec: &RouteSpec) -> String {
        let mut path = String::new();
        for (at, part) in spec.template.split(['{', '}']).enumerate() {
            path.push_str(if at % 2 == 0 { part } else { "some-thing" });
        }
        path
    }

    #[actix_web::test]
    async fn every_route_is_there_asks_for_a_token_and_knows_no_other_method() {
        let app = init_service(App::new().configure(crate::routes)).await;
        for spec in all() {
            let method = http::Method::from_bytes(spec.method.as_bytes()).unwrap();
            // A body nobody may see refused before a missing token is.
            let request = TestRequest::with_uri(&path(spec)).method(method).set_payload("{").to_request();
            let answer = call_service(&app, request).await;
            if spec.kinds.is_empty() {
                assert_eq!(answer.status(), StatusCode::OK, "{}", spec.operation);
            } else {
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{}", spec.operation);
                assert_eq!(answer.headers().get(header::WWW_AUTHENTICATE).unwrap(), "Bearer realm=\"wharf\"");
                let problem: Value = read_body_json(answer).await;
                assert_eq!((&problem["status"], &problem["code"]), (&401.into(), &"credential_missing".into()));
            }
            let request = TestRequest::with_uri(&path(spec)).method(http::Method::TRACE).to_request();
            let answer = call_service(&app, request).await;
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{}", spec.operation);
            let allow = answer.headers().get(ALLOW).unwrap().to_str().unwrap().to_owned();
            assert!(allow.split(", ").any(|method| method == spec.method), "{}: {allow}", spec.operation);
            assert_eq!(answer.headers().get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
        }
    }

    #[actix_web::test]
    async fn what_is_not_in_the_table_is_absent() {
        let app = init_service(App::new().configure(crate::routes)).await;
        for path in ["/api", "/api/v1", "/api/v2/orgs", "/api/v1/orgs/", "/api/v1/orgs/acme/nothing"] {
            let answer = call_service(&app, TestRequest::with_uri(path).to_request()).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
            let problem: Value = read_body_json(answer).await;
            assert_eq!(problem["code"], "not_found", "{path}");
        }
    }
}
