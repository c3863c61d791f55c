//! The audit over JSON.

mod list;

use crate::route::{MANAGEMENT, RouteSpec};
use actix_web::web;
use utoipa::OpenApi;

/// The routes of the audit.
pub const ROUTES: &[RouteSpec] = &[RouteSpec {
    method: "GET",
    template: "/api/v1/orgs/{org}/audit",
    operation: "list_audit",
    kinds: MANAGEMENT,
    session: false,
    handler: || web::get().to(list::list_audit),
}];

#[derive(OpenApi)]
#[openapi(paths(list::list_audit))]
pub(crate) struct Doc;
