//! Orgs and the caller's identity over JSON.

mod create;
mod get;
mod whoami;

use crate::route::{ANY, MANAGEMENT, RouteSpec};
use actix_web::web;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use wharf_domain::{Timestamp, TokenKind};
use wharf_registry::orgs::Org;

/// The routes of orgs.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "GET",
        template: "/api/v1/whoami",
        operation: "whoami",
        kinds: ANY,
        session: false,
        handler: || web::get().to(whoami::whoami),
    },
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs",
        operation: "create_org",
        kinds: &[TokenKind::Personal],
        session: false,
        handler: || web::post().to(create::create_org),
    },
    RouteSpec {
        method: "GET",
        template: "/api/v1/orgs/{org}",
        operation: "get_org",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(get::get_org),
    },
];

#[derive(OpenApi)]
#[openapi(paths(whoami::whoami, create::create_org, get::get_org))]
pub(crate) struct Doc;

/// An org.
#[derive(Serialize, ToSchema)]
#[schema(as = Org)]
pub(crate) struct OrgView {
    id: Uuid,
    /// Its name in addresses.
    slug: String,
    /// Its name for people.
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Org> for OrgView {
    fn from(org: Org) -> Self {
        Self { id: org.id.0, slug: org.slug.to_string(), name: org.name, created_at: org.created_at }
    }
}
