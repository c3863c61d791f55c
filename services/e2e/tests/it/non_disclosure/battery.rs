//! Everything an observer can ask, made from the services' own tables of routes: a new route is asked without more ado,
//! and a new parameter in a path fails the run until it is known what to put there.

use super::universe::Side;
use crate::observer::Seen;
use crate::surface::{parts, routes};
use serde_json::json;
use wharf_testkit::{CrateFixture, Token};

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    route: String,
    method: String,
    service: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

/// Org and registry.
pub(super) type Place<'a> = (&'a str, &'a str);

/// What the questions speak of: crates with versions of theirs, and texts to search for.
pub(super) struct Names {
    pub(super) crates: Vec<(String, Vec<String>)>,
    pub(super) queries: Vec<String>,
}

const JSON: (&str, &str) = ("content-type", "application/json");
const GIT: (&str, &str) = ("content-type", "application/x-git-upload-pack-request");

/// All questions about one registry.
pub(super) fn probes(place: Place<'_>, names: &Names) -> Vec<Probe> {
    routes()
        .iter()
        .filter(|route| !route.starts_with("internal "))
        .flat_map(|route| of_route(route, place, names))
        .collect()
}

fn of_route(route: &str, (org, registry): Place<'_>, names: &Names) -> Vec<Probe> {
    let (service, method, template) = parts(route);
    let template = template
        .replace("{org}", org)
        .replace("{registry}", registry)
        .replace("{id}", "8a3f1c52-5e0d-4a7b-9a0e-1c2d3e4f5a6b")
        .replace("{login}", "hidden-dev")
        .replace("{team}", "hidden-team")
        .replace("{file}", &format!("{}.crate?e=1780318800&k=1-0&s={}", "ab".repeat(32), "A".repeat(43)));
    let publishes = template.ends_with("/crates/new");
    let mut all = Vec::new();
    let mut add = |path: String, body: Option<Vec<u8>>| {
        let rest = path.replace("{tenant}", "").replace("{credential}", "");
        assert!(!rest.contains('{'), "{route}: say in battery.rs what stands for the parameter in {path}");
        all.extend(variants(route, service, method, &path, body.as_deref()));
    };
    let takes_name = ["{name}", "{crate}", "{path}"].iter().any(|parameter| template.contains(parameter));
    if template.ends_with("/api/v1/crates") {
        names.queries.iter().for_each(|query| add(format!("{template}{query}"), None));
    } else if publishes || takes_name {
        for (name, versions) in &names.crates {
            let named =
                template.replace("{name}", name).replace("{crate}", name).replace("{path}", &Token::index_path(name));
            if publishes {
                // No dependency, so that the address of the registry is not in the bytes.
                let body = |version: &String| CrateFixture::new(name, version).salt("observed").body("");
                versions.iter().for_each(|version| add(named.clone(), Some(body(version))));
            } else if named.contains("{version}") {
                versions.iter().for_each(|version| add(named.replace("{version}", version), None));
            } else if named.ends_with("/owners") && method != "GET" {
                for users in [json!({ "users": ["owner"] }), json!({ "users": ["team:hidden-team", "hidden-dev"] })] {
                    add(named.clone(), Some(users.to_string().into_bytes()));
                }
            } else {
                add(named, None);
            }
        }
    } else if template.ends_with("/info/refs") {
        for query in ["?service=git-upload-pack", "?service=git-receive-pack", ""] {
            add(format!("{template}{query}"), None);
        }
    } else if template.ends_with("-pack") {
        let want = format!("0032want {}\n00000009done\n", "ab".repeat(20));
        let list = "0014command=ls-refs\n0000".to_owned();
        for body in ["0000".to_owned(), want, list] {
            add(template.clone(), Some(body.into_bytes()));
        }
    } else {
        let body = (method == "POST" || method == "PATCH").then(|| b"{}".to_vec());
        add(template, body);
    }
    all
}

/// One request in the forms in which clients send it.
fn variants(route: &str, service: &str, method: &str, path: &str, body: Option<&[u8]>) -> Vec<Probe> {
    let probe = |method: &str, headers: &[(&'static str, &str)]| Probe {
        route: route.to_owned(),
        method: method.to_owned(),
        service: service.to_owned(),
        path: path.to_owned(),
        headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        body: body.map(<[u8]>::to_vec),
    };
    let is_json = body.is_some_and(|body| body.starts_with(b"{"));
    if path.contains("/info/refs") || path.ends_with("-pack") {
        let kind: &[_] = if method == "POST" { &[GIT] } else { &[] };
        let further: [&[_]; 3] = [&[], &[("git-protocol", "version=2")], &[("user-agent", "git/2.0 (libgit2 1.9.2)")]];
        return further.iter().map(|further| probe(method, &[kind, further].concat())).collect();
    }
    let mut all = vec![probe(method, if is_json { &[JSON] } else { &[] })];
    if service == "index" {
        all.push(probe(method, &[("accept-encoding", "gzip")]));
        all.push(probe(method, &[("if-none-match", "*")]));
        all.push(probe(method, &[("if-none-match", "\"0\"")]));
    }
    if method == "GET" {
        all.push(probe("HEAD", &[]));
    }
    all
}

impl Probe {
    /// The question in a line, for a failure.
    pub(super) fn label(&self) -> String {
        format!("{} {} {:?} ({})", self.method, self.path, self.headers, self.route)
    }

    /// Whether it goes to the JSON API.
    pub(super) fn is_management(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// Whether it is an upload.
    pub(super) fn publishes(&self) -> bool {
        self.path.ends_with("/crates/new")
    }

    /// Whether the two are about different things.
    pub(super) fn asks_other_than(&self, other: &Self) -> bool {
        self.path != other.path || self.body != other.body
    }

    /// The same question of someone who was given this ETag before.
    pub(super) fn again_with(&self, etag: &str) -> Self {
        let mut again = self.clone();
        again.headers.push(("if-none-match", etag.to_owned()));
        again
    }
}

impl Side {
    /// Asks, and gives what the observer could tell the answer apart by.
    pub(super) async fn see(&self, observer: usize, probe: &Probe, renamed: &[(String, &'static str)]) -> Seen {
        let setup = &self.stack.setup;
        let base = match probe.service.as_str() {
            "app" => &setup.app,
            "index" => &setup.index,
            "download" => &setup.download,
            other => panic!("no service {other}"),
        };
        let path = probe.path.replace("{tenant}", &self.org_id).replace("{credential}", &self.credentials[observer]);
        let url = format!("{base}{path}");
        let headers: Vec<(&str, &str)> = probe.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (name, client, _) = &self.observers[observer];
        let answer = client.send(&probe.method, &url, &headers, probe.body.clone()).await;
        assert!(answer.status < 500, "{name}: {}: {} {}", probe.label(), answer.status, answer.text());
        let renamed: Vec<_> = self.own.iter().chain(renamed).cloned().collect();
        let mut seen = Seen::of(&answer, probe.body.is_some(), &renamed);
        if probe.service == "index" && probe.path.contains("/info/refs") || probe.path.ends_with("-pack") {
            seen.body = without_ids(&seen.body);
        }
        for (name, value) in &mut seen.headers {
            if name == "location" && value.starts_with("[download]/v1/") {
                *value = without_own(value);
            }
        }
        seen
    }
}

/// An answer to git without the ids of objects: they follow from `config.json`, and so from the addresses of one
/// installation. That they follow from nothing hidden is compared in `tests/git/universes.rs`.
fn without_ids(body: &[u8]) -> Vec<u8> {
    let is_digit = u8::is_ascii_hexdigit;
    let runs = body.chunk_by(|one, other| is_digit(one) == is_digit(other));
    runs.flat_map(|run| if run.len() >= 40 && is_digit(&run[0]) { &b"[id]"[..] } else { run }).copied().collect()
}

/// A ticket without what follows from the address and the random id of the org of one installation: the signature, and
/// for a tenant's file the second at which it ends.
fn without_own(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap();
    let fields: Vec<(&str, &str)> = query.split('&').map(|field| field.split_once('=').unwrap()).collect();
    let [("e", end), ("k", key), ("s", signature)] = fields[..] else { panic!("no ticket: {address}") };
    assert!(end.parse::<u64>().is_ok() && signature.len() == 43, "no ticket: {address}");
    let end = if path.contains("/[org]/") { "[end]" } else { end };
    format!("{path}?e={end}&k={key}&s=[signature]")
}
