//! Cargo's web API under `/cargo/{org}/{registry}`, and the pages a person meets before there is a dashboard.
//!
//! Handlers translate: who asks, what, and the answer in the form cargo insists on. What is allowed is decided by the
//! verbs. Every route stands in [`ROUTES`]; answers are never stored by anyone on the way.

mod call;
mod owners;
mod pages;
mod publish;
mod search;
mod upload;
mod yank;

use crate::route::{ANY, RouteSpec};
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderValue, VARY};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use std::collections::BTreeMap;
use wharf_chassis::CargoFault;
use wharf_chassis::table::{self, Mounted};
use wharf_domain::TokenKind;
use wharf_registry::{Error, Kind};

/// The kinds that change crates. A download token never does, whatever its scopes say.
const CHANGES: &[TokenKind] =
    &[TokenKind::Personal, TokenKind::Upload, TokenKind::Entitlement, TokenKind::Ci, TokenKind::Service];

/// Every route of cargo's web API. Those that read answer without a credential, too, in a public registry.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "PUT",
        template: "/cargo/{org}/{registry}/api/v1/crates/new",
        operation: "cargo_publish",
        kinds: CHANGES,
        session: false,
        handler: || web::put().to(publish::publish),
    },
    RouteSpec {
        method: "DELETE",
        template: "/cargo/{org}/{registry}/api/v1/crates/{name}/{version}/yank",
        operation: "cargo_yank",
        kinds: CHANGES,
        session: false,
        handler: || web::delete().to(yank::yank),
    },
    RouteSpec {
        method: "PUT",
        template: "/cargo/{org}/{registry}/api/v1/crates/{name}/{version}/unyank",
        operation: "cargo_unyank",
        kinds: CHANGES,
        session: false,
        handler: || web::put().to(yank::unyank),
    },
    RouteSpec {
        method: "GET",
        template: "/cargo/{org}/{registry}/api/v1/crates/{name}/owners",
        operation: "cargo_list_owners",
        kinds: ANY,
        session: false,
        handler: || web::get().to(owners::list),
    },
    RouteSpec {
        method: "PUT",
        template: "/cargo/{org}/{registry}/api/v1/crates/{name}/owners",
        operation: "cargo_add_owners",
        kinds: CHANGES,
        session: false,
        handler: || web::put().to(owners::add),
    },
    RouteSpec {
        method: "DELETE",
        template: "/cargo/{org}/{registry}/api/v1/crates/{name}/owners",
        operation: "cargo_remove_owners",
        kinds: CHANGES,
        session: false,
        handler: || web::delete().to(owners::remove),
    },
    RouteSpec {
        method: "GET",
        template: "/cargo/{org}/{registry}/api/v1/crates",
        operation: "cargo_search",
        kinds: ANY,
        session: false,
        handler: || web::get().to(search::search),
    },
];

/// Pages and their files. They take no credential and are the same for everyone.
pub const PAGES: &[Mounted] = pages::ROUTES;

/// The route a request was matched to.
fn matched(request: &HttpRequest) -> Option<&'static RouteSpec> {
    let template = request.match_pattern()?;
    ROUTES.iter().find(|spec| spec.template == template && spec.method == request.method().as_str())
}

/// Registers cargo's web API and the pages.
pub fn routes(cfg: &mut web::ServiceConfig) {
    let mut by_template: BTreeMap<&str, Vec<&RouteSpec>> = BTreeMap::new();
    for spec in ROUTES {
        by_template.entry(spec.template).or_default().push(spec);
    }
    for (template, specs) in by_template {
        let allow = specs.iter().map(|spec| spec.method).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(template).wrap(unstored());
        for spec in specs {
            resource = resource.route((spec.handler)());
        }
        cfg.service(resource.default_service(web::to(move || {
            let allow = allow.clone();
            async move { method_not_allowed(&allow) }
        })));
    }
    table::mount(cfg, PAGES);
    cfg.service(web::scope("/cargo").wrap(unstored()).default_service(web::to(no_such_route)));
}

fn unstored() -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, "no-store")).add((VARY, "Authorization"))
}

async fn no_such_route() -> Result<HttpResponse, CargoFault> {
    Err(Error::not_found().into())
}

fn method_not_allowed(allow: &str) -> HttpResponse {
    let error = Error::new(Kind::Invalid, "method_not_allowed", format!("this address knows only {allow}"));
    let mut response = CargoFault::from(error).error_response();
    *response.status_mut() = actix_web::http::StatusCode::METHOD_NOT_ALLOWED;
    if let Ok(value) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

#[cfg(test)]
mod tests;
