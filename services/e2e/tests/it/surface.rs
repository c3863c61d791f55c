//! Every route of every service, from the services' own tables; and that nothing is served beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use wharf_chassis::table::Mounted;
use wharf_chassis::{health, server};
use wharf_testkit::{Client, Stack};

/// The servers, as the tables of this crate name them. The last is not for the public.
const SERVERS: [&str; 4] = ["app", "index", "download", "internal"];

/// Every route there is, written as service, method and template: `index GET /{org}/{registry}/config.json`.
pub(crate) fn routes() -> BTreeSet<String> {
    let api = wharf_api::route::all().map(|spec| format!("app {} {}", spec.method, spec.template));
    let cargo = wharf_api::cargo::ROUTES.iter().map(|spec| format!("app {} {}", spec.method, spec.template));
    let of = |server: &'static str, routes: &'static [(&'static str, &'static str)]| {
        routes.iter().map(move |(method, path)| format!("{server} {method} {path}"))
    };
    let mounted = |server: &'static str, routes: &'static [Mounted]| {
        routes.iter().map(move |route| format!("{server} {} {}", route.method, route.template))
    };
    let pages = mounted("app", wharf_api::cargo::PAGES);
    let index = of("index", wharf_index::ROUTES);
    let download = mounted("download", wharf_download::ROUTES);
    let health = SERVERS.into_iter().flat_map(|server| of(server, health::ROUTES));
    let internal = of("internal", server::INTERNAL_ROUTES);
    api.chain(cargo).chain(pages).chain(index).chain(download).chain(health).chain(internal).collect()
}

/// Service, method and template of a route.
pub(crate) fn parts(route: &str) -> (&str, &str, &str) {
    let mut parts = route.splitn(3, ' ');
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

/// Where addresses are given to handlers, and in how many places. All of them go through tables that are read above: a new
/// place needs a table, and a line there.
const MOUNTS: &[(&str, usize, &str)] = &[
    ("services/api/src/cargo/mod.rs", 5, "cargo's web API from `ROUTES`, and the answer to what is not in it"),
    ("services/api/src/route.rs", 5, "the JSON API from `all()`, and the answer to what is not in it"),
    ("services/index/src/lib.rs", 1, "takes addresses apart by itself: `the_index_answers_where_its_table_says`"),
    ("services/lib/chassis/src/health.rs", 2, "`health::ROUTES`"),
    ("services/lib/chassis/src/server.rs", 2, "`INTERNAL_ROUTES`, and the answer to what is nowhere"),
    ("services/lib/chassis/src/table.rs", 2, "the table of a service without an OpenAPI document"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources below a folder, without tests.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|kind| kind == "rs") && !entry.ends_with("tests.rs") {
            let text = fs::read_to_string(&entry).unwrap();
            found.push((entry, text.split("#[cfg(test)]").next().unwrap().to_owned()));
        }
    }
}

#[test]
fn nothing_is_mounted_beside_the_tables() {
    let mut files = Vec::new();
    for folder in ["api", "download", "index", "wharf", "lib/chassis", "lib/registry"] {
        sources(&root().join("services").join(folder).join("src"), &mut files);
    }
    sources(&root().join("web/src"), &mut files);
    let mut found = Vec::new();
    for (file, text) in &files {
        let calls = ["web::resource(", "web::scope(", "Resource::new(", "Scope::new(", ".route(", ".default_service("];
        let attributes = ["#[get(", "#[post(", "#[put(", "#[patch(", "#[delete(", "#[route("];
        let count: usize = calls.iter().chain(&attributes).map(|call| text.matches(call).count()).sum();
        if count > 0 {
            found.push((file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), count));
        }
    }
    found.sort();
    let reviewed: Vec<(String, usize)> = MOUNTS.iter().map(|(file, count, _)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, reviewed, "where addresses are given to handlers");
}

/// Paths that the index knows and its table does not name, each with the reason.
const UNNAMED: &[(&str, &str)] = &[
    ("HEAD", "git's dumb protocol is refused alike at every address, before anything is looked at"),
    ("objects/", "the same"),
];

/// Whatever text stands in the sources of the index service is tried as an address. Where it is answered otherwise than an
/// address of nothing, the table has to name it.
#[tokio::test(flavor = "multi_thread")]
async fn the_index_answers_where_its_table_says() {
    let mut files = Vec::new();
    sources(&root().join("services/index/src"), &mut files);
    let mut words: BTreeSet<&str> = BTreeSet::new();
    for (_, text) in &files {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        words.extend(code.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
        }));
    }
    assert!(words.contains("info/refs") && words.contains("config.json"), "{words:?}");
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let _open = org.manage("PATCH", "/registries/private", &serde_json::json!({ "git_personal_keys": true })).await;
    let mut answered = BTreeSet::new();
    for client in [Client::anonymous(), org.owner.client()] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let ask = async |path: &str| client.send(method, &org.owner.index_url(path), &[], None).await.observed();
            let nothing = ask("no-such-path").await;
            for word in &words {
                if ask(word.trim_start_matches('/')).await != nothing {
                    answered.insert(*word);
                }
            }
        }
    }
    stack.stop().await;
    let named: BTreeSet<&str> =
        wharf_index::ROUTES.iter().filter_map(|(_, path)| path.strip_prefix("/{org}/{registry}/")).collect();
    let unnamed: BTreeSet<&str> = UNNAMED.iter().map(|(path, _)| *path).collect();
    let expected: BTreeSet<&str> = named.union(&unnamed).copied().filter(|path| !path.contains('{')).collect();
    assert_eq!(answered, expected, "what the index answers otherwise than nothing, and what its table names");
}
