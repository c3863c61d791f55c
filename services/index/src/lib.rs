//! The index service: each credential sees its own index, sparse and git, holding exactly what it is entitled to.
//!
//! Everything is answered from memory; only a crate that nobody asked for yet is read from the database, and a registry
//! that nobody asked for by git. Hidden and absent are one answer, byte for byte. Both indexes have one address; git's
//! own paths tell them apart, none of which a crate's file can have.

// How deep futures nest is limited, by 128, and a release build, which inlines, counts more than a debug build. What comes near
// the limit is to be seen by whoever tests, not by whoever builds the product: box a future there.
#![cfg_attr(debug_assertions, recursion_limit = "96")]

mod git;
mod sparse;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;
use wharf_chassis::faces::PlainFault;
use wharf_chassis::frame::Traffic;
use wharf_registry::{Error, Site};

/// The routes of this service: method, path template.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/{org}/{registry}/config.json"),
    ("GET", "/{org}/{registry}/info/refs"),
    ("POST", "/{org}/{registry}/git-upload-pack"),
    ("POST", "/{org}/{registry}/git-receive-pack"),
    ("GET", "/{org}/{registry}/{path}"),
];

/// Nearly everything this service answers is a read from memory.
pub const TRAFFIC: Traffic = Traffic::Reads { route: "/{org}/{registry}/{path}" };

/// Mounts the service. It takes addresses apart by itself: the router's pattern matching costs more than the answer.
pub fn routes(site: Arc<Site>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(Data::from(Arc::clone(&site))).default_service(web::to(answer));
    }
}

async fn answer(request: HttpRequest, body: Payload, site: Data<Site>) -> Result<HttpResponse, PlainFault> {
    let site = site.into_inner();
    // Names need no escapes: an address with one is the address of nothing.
    let mut parts = request.path().splitn(4, '/').skip(1);
    let (Some(org), Some(registry), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Error::not_found().into());
    };
    match git::Asked::of(&request, path) {
        Some(asked) => git::answer(asked, &request, body, &site, org, registry).await,
        None => sparse::answer(&request, &site, org, registry, path).await,
    }
}
