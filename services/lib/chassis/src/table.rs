//! Tables of routes: a service mounts its table and nothing else, and the tests read the same table, so that no address is
//! served that they do not know of.

use actix_web::web::{self, ServiceConfig};
use actix_web::{Route, guard};

/// A route of a service whose routes no OpenAPI document lists.
#[derive(Clone, Copy, Debug)]
pub struct Mounted {
    /// The method, upper case. What answers GET answers HEAD as well, without the bytes.
    pub method: &'static str,
    /// The whole path, as actix writes it.
    pub template: &'static str,
    /// Makes the handler.
    pub handler: fn() -> Route,
}

/// Mounts a table; routes of one template stand together in it.
pub fn mount(config: &mut ServiceConfig, table: &'static [Mounted]) {
    for routes in table.chunk_by(|one, other| one.template == other.template) {
        let [first, ..] = routes else { continue };
        let mut resource = web::resource(first.template);
        for route in routes {
            resource = resource.route((route.handler)());
        }
        config.service(resource);
    }
}

/// Answers GET, and HEAD without the bytes.
#[must_use]
pub fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
