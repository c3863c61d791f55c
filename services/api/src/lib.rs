//! The API service: the JSON API under `/api/v1`, and cargo's web API under `/cargo`.
//!
//! Handlers translate between HTTP and the verbs of `wharf_registry`; they decide nothing. Every route of the JSON API
//! stands in a table ([`route::all`]), from which it is registered, documented and tested: a route that is not in the
//! table does not exist.

pub mod audit;
pub mod cargo;
pub mod entitlements;
pub mod frame;
pub mod members;
pub mod openapi;
pub mod orgs;
pub mod registries;
pub mod route;
pub mod teams;
pub mod tokens;

use actix_web::web;

/// Registers everything this service answers. Wants an `actix_web::web::Data<wharf_registry::Site>` in the app's data.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cargo::routes(cfg);
    route::register(cfg);
}
