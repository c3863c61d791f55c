//! Entitlements over JSON.

use crate::route::RouteSpec;

/// The routes of entitlements.
pub const ROUTES: &[RouteSpec] = &[];
