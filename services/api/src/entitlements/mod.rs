//! Entitlements over JSON.

mod answer;
mod body;
pub mod change;
pub mod grant;
mod preview;
pub mod read;
mod terms;

pub use answer::{CargoSetup, EntitlementJson, IssuedJson, ShownCrateJson, ShownVersionJson, TokenJson};
pub use body::{DraftJson, Patch};
pub use preview::{ExplainJson, PreviewJson, QuestionJson, TermsJson};
pub use terms::{HolderJson, LimitJson, RightsJson, RuleJson, Source};

use crate::route::{MANAGEMENT, RouteSpec};
use actix_web::web;
use wharf_domain::{EntitlementId, Slug};
use wharf_registry::Error;

/// The routes of entitlements.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements",
        operation: "grant_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(grant::grant_entitlement),
    },
    RouteSpec {
        method: "GET",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements",
        operation: "list_entitlements",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(read::list_entitlements),
    },
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/preview",
        operation: "preview_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(read::preview_entitlement),
    },
    RouteSpec {
        method: "GET",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}",
        operation: "get_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(read::get_entitlement),
    },
    RouteSpec {
        method: "PATCH",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}",
        operation: "change_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::patch().to(change::change_entitlement),
    },
    RouteSpec {
        method: "DELETE",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}",
        operation: "withdraw_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::delete().to(change::withdraw_entitlement),
    },
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/rotate",
        operation: "rotate_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(grant::rotate_entitlement),
    },
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/disable",
        operation: "disable_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(change::disable_entitlement),
    },
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/enable",
        operation: "enable_entitlement",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(change::enable_entitlement),
    },
    RouteSpec {
        method: "GET",
        template: "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/view",
        operation: "list_entitlement_view",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(read::list_entitlement_view),
    },
];

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    grant::grant_entitlement,
    grant::rotate_entitlement,
    read::list_entitlements,
    read::preview_entitlement,
    read::get_entitlement,
    read::list_entitlement_view,
    change::change_entitlement,
    change::withdraw_entitlement,
    change::disable_entitlement,
    change::enable_entitlement
))]
pub(crate) struct Doc;

/// Org and registry, as they stand in the path.
type Place = web::Path<(String, String)>;
/// Org, registry and entitlement, as they stand in the path.
type One = web::Path<(String, String, String)>;

/// What is no identity is the identity of nothing.
fn id(text: &str) -> Result<EntitlementId, Error> {
    text.parse().map_err(|_| Error::not_found())
}

fn slug(text: &str) -> Result<Slug, Error> {
    Slug::parse(text).map_err(|_| Error::not_found())
}

fn base(org: &str, registry: &str) -> String {
    format!("/api/v1/orgs/{org}/registries/{registry}/entitlements")
}
