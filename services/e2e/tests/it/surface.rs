//! Every route of every service, from the services' own tables.

use std::collections::BTreeSet;
use wharf_chassis::{health, server};

/// The servers, as the tables of this crate name them. The last is not for the public.
const SERVERS: [&str; 4] = ["app", "index", "download", "internal"];

/// Every route there is, written as service, method and template: `index GET /{org}/{registry}/config.json`.
pub(crate) fn routes() -> BTreeSet<String> {
    let api = wharf_api::route::all().map(|spec| format!("app {} {}", spec.method, spec.template));
    let cargo = wharf_api::cargo::ROUTES.iter().map(|spec| format!("app {} {}", spec.method, spec.template));
    let of = |server: &'static str, routes: &'static [(&'static str, &'static str)]| {
        routes.iter().map(move |(method, path)| format!("{server} {method} {path}"))
    };
    let pages = of("app", wharf_api::cargo::PAGES);
    let index = of("index", wharf_index::ROUTES);
    let download = of("download", wharf_download::ROUTES);
    let health = SERVERS.into_iter().flat_map(|server| of(server, health::ROUTES));
    let internal = of("internal", server::INTERNAL_ROUTES);
    api.chain(cargo).chain(pages).chain(index).chain(download).chain(health).chain(internal).collect()
}

/// Service, method and template of a route.
pub(crate) fn parts(route: &str) -> (&str, &str, &str) {
    let mut parts = route.splitn(3, ' ');
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}
