//! Every route of every service, from the services' own tables.

use std::collections::BTreeSet;

/// The routes of every process that have no table of their own.
const HEALTH: &[(&str, &str)] = &[
    ("app", "/healthz"),
    ("app", "/readyz"),
    ("index", "/healthz"),
    ("index", "/readyz"),
    ("download", "/healthz"),
    ("download", "/readyz"),
    ("internal", "/healthz"),
    ("internal", "/readyz"),
    ("internal", "/metrics"),
];

/// Every route there is, written as service, method and template: `index GET /{org}/{registry}/config.json`.
pub(crate) fn routes() -> BTreeSet<String> {
    let api = wharf_api::route::all().map(|spec| format!("app {} {}", spec.method, spec.template));
    let cargo = wharf_api::cargo::ROUTES.iter().map(|spec| format!("app {} {}", spec.method, spec.template));
    let pages = wharf_api::cargo::PAGES.iter().map(|(method, path)| format!("app {method} {path}"));
    let index = wharf_index::ROUTES.iter().map(|(method, path)| format!("index {method} {path}"));
    let download = wharf_download::ROUTES.iter().map(|(method, path)| format!("download {method} {path}"));
    let health = HEALTH.iter().map(|(service, path)| format!("{service} GET {path}"));
    api.chain(cargo).chain(pages).chain(index).chain(download).chain(health).collect()
}

/// Service, method and template of a route.
pub(crate) fn parts(route: &str) -> (&str, &str, &str) {
    let mut parts = route.splitn(3, ' ');
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}
