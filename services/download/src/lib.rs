//! The download service: decides from memory and answers with a ticket, and serves the file to whoever brings one.
//!
//! The decision (`/{org}/{registry}/{crate}/{version}/download`) needs a credential and a view that holds the version. The
//! origin (`/v1/…`) knows no credentials, only tickets: it can stand behind a cache that verifies them by itself.

mod decision;
mod origin;

use actix_web::web::{self, ServiceConfig};
use std::sync::Arc;
use wharf_registry::Site;

/// For cargo before 1.74, which sends no credential with downloads: `registry::legacy_downloads` makes these addresses.
const LEGACY: &str = "/{org}/{registry}/legacy/{credential}/{crate}/{version}/download";

/// The routes of this service: method, path template.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/{org}/{registry}/{crate}/{version}/download"),
    ("GET", LEGACY),
    ("GET", "/v1/{tenant}/{file}"),
    ("HEAD", "/v1/{tenant}/{file}"),
];

/// Mounts the service.
pub fn routes(site: Arc<Site>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::from(Arc::clone(&site)))
            .service(web::resource("/v1/{tenant}/{file}").get(origin::file).head(origin::file))
            .service(
                web::resource("/{org}/{registry}/{crate}/{version}/download")
                    .get(decision::resolve)
                    .head(decision::resolve),
            )
            .service(web::resource(LEGACY).get(decision::resolve_legacy).head(decision::resolve_legacy));
    }
}
