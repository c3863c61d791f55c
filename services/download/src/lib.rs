//! The download service: decides from memory and answers with a ticket, and serves the file to whoever brings one.
//!
//! The decision (`/{org}/{registry}/{crate}/{version}/download`) needs a credential and a view that holds the version. The
//! origin (`/v1/…`) knows no credentials, only tickets: it can stand behind a cache that verifies them by itself.

// How deep futures nest is limited, by 128, and a release build, which inlines, counts more than a debug build. What comes near
// the limit is to be seen by whoever tests, not by whoever builds the product: box a future there.
#![cfg_attr(debug_assertions, recursion_limit = "96")]

mod decision;
mod origin;

use actix_web::web::{self, ServiceConfig};
use std::sync::Arc;
use wharf_chassis::table::{Mounted, mount, reading};
use wharf_registry::Site;

/// For cargo before 1.74, which sends no credential with downloads: `registry::legacy_downloads` makes these addresses.
const LEGACY: &str = "/{org}/{registry}/legacy/{credential}/{crate}/{version}/download";

/// The routes of this service.
pub const ROUTES: &[Mounted] = &[
    Mounted { method: "GET", template: "/v1/{tenant}/{file}", handler: || web::get().to(origin::file) },
    Mounted { method: "HEAD", template: "/v1/{tenant}/{file}", handler: || web::head().to(origin::file) },
    Mounted {
        method: "GET",
        template: "/{org}/{registry}/{crate}/{version}/download",
        handler: || reading().to(decision::resolve),
    },
    Mounted { method: "GET", template: LEGACY, handler: || reading().to(decision::resolve_legacy) },
];

/// Mounts the service.
pub fn routes(site: Arc<Site>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::from(Arc::clone(&site)));
        mount(config, ROUTES);
    }
}
