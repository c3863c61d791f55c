//! Cargo's web API.

use actix_web::web;

/// Registers cargo's web API.
pub fn routes(_: &mut web::ServiceConfig) {}
