//! The index service: each credential sees its own sparse index, holding exactly what it is entitled to.
//!
//! Everything is answered from memory; only a crate that nobody asked for yet is read from the database. Hidden and absent
//! are one answer, byte for byte. The git index will be served at the same addresses without `sparse+`.

mod sparse;

use actix_web::web::{self, Data, ServiceConfig};
use std::sync::Arc;
use wharf_chassis::frame::Traffic;
use wharf_registry::Site;

/// The routes of this service: method, path template.
pub const ROUTES: &[(&str, &str)] = &[("GET", "/{org}/{registry}/config.json"), ("GET", "/{org}/{registry}/{path}")];

/// Everything this service answers is a read from memory.
pub const TRAFFIC: Traffic = Traffic::Reads { route: "/{org}/{registry}/{path}" };

/// Mounts the service. It takes addresses apart by itself: the router's pattern matching costs more than the answer.
pub fn routes(site: Arc<Site>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(Data::from(Arc::clone(&site))).default_service(web::to(sparse::answer));
    }
}
