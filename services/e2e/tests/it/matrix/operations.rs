//! Every operation there is, read from the OpenAPI document and the tables of routes: nothing is listed here by hand but
//! the one route of the internal server.

use crate::surface::{parts, routes};
use std::collections::{BTreeMap, BTreeSet};

/// One operation: a method on a path of a service.
pub(super) struct Operation {
    /// `app GET /api/v1/orgs/{org}`.
    pub(super) route: String,
    /// Under which heading a reader looks for it.
    pub(super) group: String,
    /// What it does, in a few words.
    pub(super) summary: String,
}

/// What the OpenAPI document says of an operation: tag and summary.
fn documented() -> BTreeMap<String, (String, String)> {
    let document = serde_json::to_value(wharf_api::openapi::document()).unwrap();
    let mut found = BTreeMap::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !operation["operationId"].is_string() {
                continue;
            }
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let told = (text(&operation["tags"][0]), text(&operation["summary"]));
            found.insert(format!("app {} {template}", method.to_ascii_uppercase()), told);
        }
    }
    found
}

/// What stands in no document, by route.
fn undocumented(route: &str) -> (String, String) {
    let (service, method, template) = parts(route);
    let operation = wharf_api::cargo::ROUTES.iter().find(|spec| spec.method == method && spec.template == template);
    let (group, summary) = match (service, operation) {
        ("app", Some(spec)) => ("cargo", spec.operation.replacen("cargo_", "cargo ", 1).replace('_', " ")),
        ("app", None) if !template.ends_with('z') => ("pages", "page".to_owned()),
        ("index", _) if !template.ends_with('z') => ("index", "index file".to_owned()),
        ("download", _) if !template.ends_with('z') => ("download", "download".to_owned()),
        _ => ("health", "health".to_owned()),
    };
    (group.to_owned(), summary)
}

/// All of them, in the order of their names.
///
/// # Panics
///
/// When the document and the tables of routes disagree.
pub(super) fn all() -> Vec<Operation> {
    let mut documented = documented();
    let operations = routes()
        .into_iter()
        .map(|route| {
            let (group, summary) = documented.remove(&route).unwrap_or_else(|| undocumented(&route));
            Operation { route, group, summary }
        })
        .collect();
    assert!(documented.is_empty(), "documented and not served: {:?}", documented.keys());
    operations
}

/// A method that a path does not have, for each path.
pub(super) fn absent_methods() -> BTreeMap<(String, String), &'static str> {
    let mut present: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for route in routes() {
        let (service, method, template) = parts(&route);
        present.entry((service.to_owned(), template.to_owned())).or_default().insert(method.to_owned());
    }
    present
        .into_iter()
        .map(|(path, methods)| {
            let absent = ["POST", "PUT", "PATCH", "DELETE"].into_iter().find(|method| !methods.contains(*method));
            (path, absent.expect("no path has every method"))
        })
        .collect()
}
