//! The API service: the JSON API under `/api/v1`, and cargo's web API under `/cargo`.
//!
//! Handlers translate between HTTP and the verbs of `wharf_registry`; they decide nothing. Every route of the JSON API
//! stands in a table ([`route::all`]), from which it is registered, documented and tested: a route that is not in the
//! table does not exist.

// How deep futures nest is limited, by 128, and a release build, which inlines, counts more than a debug build. What comes near
// the limit is to be seen by whoever tests, not by whoever builds the product: box a future there.
#![cfg_attr(debug_assertions, recursion_limit = "96")]

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
