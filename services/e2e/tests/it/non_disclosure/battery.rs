//! Everything an observer can ask, made from the services' own tables of routes and the OpenAPI document: a new route is
//! asked without more ado, and a new parameter fails the run until it is known what to put there.

use super::document;
use super::side::Side;
use crate::observer::Seen;
use crate::surface::{parts, routes};
use serde_json::{Value, json};
use wharf_testkit::chance::Chance;
use wharf_testkit::{Answer, CrateFixture, Token};

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    route: String,
    method: String,
    service: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    /// A form in which no client of ours asks.
    odd: bool,
}

/// What an observer sees of an answer, and what it leads the observer to ask next.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) seen: Seen,
    pub(super) next: Vec<Probe>,
}

/// Org and registry.
pub(super) type Place<'a> = (&'a str, &'a str);

/// What the questions speak of: crates with versions of theirs, and texts to search for.
pub(super) struct Names {
    pub(super) crates: Vec<(String, Vec<String>)>,
    pub(super) queries: Vec<String>,
    /// What stands for an id, a login and a team in an address.
    pub(super) ids: Vec<String>,
    pub(super) login: String,
    pub(super) team: String,
}

/// The id of nothing.
pub(super) const NO_ID: &str = "8a3f1c52-5e0d-4a7b-9a0e-1c2d3e4f5a6b";

const JSON: (&str, &str) = ("content-type", "application/json");
const GIT: (&str, &str) = ("content-type", "application/x-git-upload-pack-request");

/// Headers that an observer may add to any question. `#` stands for a number drawn for each question.
const FURTHER: [(&str, &str); 30] = [
    ("accept", "text/html"),
    ("accept", "application/xml;q=0.1"),
    ("accept-encoding", "gzip"),
    ("accept-encoding", "br, gzip;q=0.5, identity;q=0"),
    ("accept-language", "de"),
    ("access-control-request-method", "PUT"),
    ("cache-control", "no-cache"),
    ("cargo-protocol", "version=1"),
    ("content-type", "text/plain"),
    ("content-type", "application/json; charset=utf-16"),
    ("cookie", "wharf_session=#; session=#"),
    ("forwarded", "for=192.0.2.#;host=elsewhere.example"),
    ("git-protocol", "version=1"),
    ("idempotency-key", "observed-#"),
    ("if-match", "\"#\""),
    ("if-match", "*"),
    ("if-modified-since", "Mon, 01 Jun 2026 12:10:00 GMT"),
    ("if-none-match", "W/\"#\", *"),
    ("if-range", "\"#\""),
    ("if-unmodified-since", "Mon, 01 Jun 2026 12:10:00 GMT"),
    ("origin", "https://elsewhere.example"),
    ("range", "bytes=#-"),
    ("range", "bytes=-1,0-0,7-#"),
    ("referer", "https://elsewhere.example/crates/hidden-core"),
    ("te", "trailers"),
    ("user-agent", "cargo/1.65.0 (4bc8f24d3 2022-10-20)"),
    ("x-forwarded-for", "192.0.2.#"),
    ("x-forwarded-host", "elsewhere.example"),
    ("x-http-method-override", "DELETE"),
    ("x-request-id", "observed-#"),
];

/// Headers drawn for a question.
pub(super) type Dress = Vec<(&'static str, String)>;

/// Up to three further headers for one question in four.
pub(super) fn dress(rng: &mut Chance) -> Dress {
    let many = if rng.one_in(4) { 1 + rng.below(3) } else { 0 };
    let drawn = (0..many).map(|_| {
        let (name, value) = rng.pick(&FURTHER);
        (*name, value.replace('#', &rng.below(200).to_string()))
    });
    drawn.collect()
}

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
    let documented = service == "app" && template.starts_with("/api/v1/");
    let queries = if documented { document::queries(template, method) } else { Vec::new() };
    let bodies = if documented { document::bodies(template, method) } else { Vec::new() };
    let template = template
        .replace("{org}", org)
        .replace("{registry}", registry)
        .replace("{login}", &names.login)
        .replace("{team}", &names.team)
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
                let hidden = [format!("team:{}", names.team), names.login.clone()];
                for users in [json!({ "users": ["owner"] }), json!({ "users": hidden })] {
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
    } else if documented {
        let ids = if template.contains("{id}") { names.ids.as_slice() } else { &[NO_ID.to_owned()] };
        for path in ids.iter().map(|id| template.replace("{id}", id)) {
            for query in &queries {
                let bodies = bodies.iter().map(|body| Some(body.to_string().into_bytes()));
                let bodies: Vec<_> = if bodies.len() == 0 { vec![None] } else { bodies.collect() };
                bodies.into_iter().for_each(|body| add(format!("{path}{query}"), body));
            }
        }
    } else {
        add(template, None);
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
        odd: false,
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
    let range = [("range", "bytes=0-9")];
    let odd = ["OPTIONS", "TRACE", "PATCH", "PROPFIND"].map(|method| Probe { body: None, ..probe(method, &[]) });
    let odd = odd.into_iter().filter(|one| one.method != method).chain([probe(method, &range)]);
    all.extend(odd.map(|probe| Probe { odd: true, ..probe }));
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

    /// Whether no client of ours asks so.
    pub(super) fn is_odd(&self) -> bool {
        self.odd
    }

    /// The question with further headers; those that it has of its own stay.
    pub(super) fn dressed(&self, dress: &Dress) -> Self {
        let mut again = self.clone();
        for (name, value) in dress {
            if !again.headers.iter().any(|(known, _)| known == name) {
                again.headers.push((name, value.clone()));
            }
        }
        again
    }

    fn with(&self, header: (&'static str, &str)) -> Self {
        let mut again = self.clone();
        again.headers.push((header.0, header.1.to_owned()));
        again
    }
}

impl Side {
    /// Asks, and gives what the observer could tell the answer apart by.
    pub(super) async fn look(&self, observer: usize, probe: &Probe, renamed: &[(String, &'static str)]) -> Look {
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
        if probe.is_management() {
            seen.body = without_chance(&seen.body);
        }
        for (name, value) in &mut seen.headers {
            if name == "location" && value.starts_with("[download]/v1/") {
                *value = without_own(value);
            }
        }
        Look { seen, next: self.next(probe, &answer) }
    }

    /// What an answer leads to: the same again with its ETag, the file a ticket opens, the next page of a list.
    fn next(&self, probe: &Probe, answer: &Answer) -> Vec<Probe> {
        let mut next = Vec::new();
        let is_first = !probe.headers.iter().any(|(name, _)| *name == "if-none-match");
        if is_first && !answer.header("etag").is_empty() {
            next.push(probe.with(("if-none-match", answer.header("etag"))));
        }
        if let Some(path) = answer.header("location").strip_prefix(&self.stack.setup.download) {
            let file = Probe { path: path.to_owned(), method: "GET".to_owned(), ..probe.clone() };
            next.extend([Probe { method: "HEAD".to_owned(), ..file.clone() }, file.with(("range", "bytes=5-"))]);
            next.push(file);
        }
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        if let Some(cursor) = body.as_ref().and_then(|body| body["next_cursor"].as_str()) {
            let (path, query) = probe.path.split_once('?').unwrap_or((&probe.path, ""));
            let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
            let query: Vec<String> = kept.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
            next.push(Probe { path: format!("{path}?{}", query.join("&")), ..probe.clone() });
        }
        next
    }
}

/// An answer of the JSON API without what is drawn at random, or follows from the id of a registry: ids, cursors, hints, the
/// request ids of the audit, the identities of views.
fn without_chance(body: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let mut text = text.to_owned();
    for member in ["next_cursor", "hint", "request_id", "view", "view_id"] {
        let opening = format!("\"{member}\":\"");
        let mut parts = text.split(&opening).map(str::to_owned);
        let first = parts.next().unwrap_or_default();
        let rest = parts.map(|part| format!("{opening}[{member}]{}", &part[part.find('"').unwrap_or(0)..]));
        text = rest.fold(first, |all, part| all + &part);
    }
    let words = text.split_inclusive('"').map(|word| {
        let id = word.strip_suffix('"').filter(|word| word.parse::<uuid::Uuid>().is_ok());
        if id.is_some() { "[id]\"" } else { word }
    });
    words.collect::<String>().into_bytes()
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
