//! The index service: each credential sees its own sparse index, holding exactly what it is entitled to.
//!
//! Everything is answered from memory; only a crate that nobody asked for yet is read from the database. Hidden and absent
//! are one answer, byte for byte. The git index will be served at the same addresses without `sparse+`.

mod sparse;

use actix_web::web::{self, ServiceConfig};
use std::sync::Arc;
use wharf_registry::Site;

/// The routes of this service: method, path template.
pub const ROUTES: &[(&str, &str)] =
    &[("GET", "/{org}/{registry}/config.json"), ("GET", "/{org}/{registry}/{path}")];

/// Mounts the service.
pub fn routes(site: Arc<Site>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::from(Arc::clone(&site)))
            .service(web::resource("/{org}/{registry}/config.json").get(sparse::config).head(sparse::config))
            .service(web::resource("/{org}/{registry}/{path:.*}").get(sparse::file).head(sparse::file));
    }
}
