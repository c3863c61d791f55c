//! Asks the program what the model is asked, and puts its answers into the model's words: names for ids and
//! checksums, and nothing of what chance decides.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wharf_domain::{Clock, TokenKind};
use wharf_model::{Expected, Face, HERE, OWNER_TOKEN, Package, Place, Request, What, Who};
use wharf_testkit::git_mirror::Mirror;
use wharf_testkit::{Answer, Client, CrateFixture, Org, Stack, Token};

/// What chance decides, and what is told in words for people.
const UNTOLD: [&str; 13] = [
    "hint",
    "owner_number",
    "view_id",
    "secret",
    "usage",
    "cargo",
    "addresses",
    "last_used_on",
    "request_id",
    "detail",
    "suggested_rules",
    "suggested_read",
    "text",
];

/// An address that some clients would be welcome from.
const PRETENDED: &str = "203.0.113.7";

/// The id of nothing.
const NOTHING: &str = "00000000-0000-4000-8000-000000000000";

pub(super) struct Driver<'a> {
    pub(super) stack: &'a Stack,
    /// An org that has nothing to do with the run, whose changes make every process report.
    metronome: Org,
    /// What the names of this run's orgs end with.
    suffix: String,
    /// Ids and clients of tokens by handle.
    tokens: HashMap<String, (String, Client)>,
    entitlements: HashMap<String, String>,
    /// What is known of the files by their checksums.
    contents: HashMap<String, String>,
    /// Index files by ETag.
    etags: HashMap<(String, String), String>,
    /// The answers to creates under the keys of tokens, and whether it was an org that was founded.
    told: HashMap<(Option<String>, String, bool), Vec<u8>>,
    /// Credentials in download addresses, by registry and token.
    pub(super) addresses: HashMap<(String, String), String>,
    /// What each reader has fetched of a registry.
    pub(super) mirrors: HashMap<(Option<String>, String), Mirror>,
    /// Counts what is asked now one way, now another.
    pub(super) turn: usize,
}

/// An answer with lists whose order chance decides put in order.
pub(super) fn settled(mut answer: Expected) -> Expected {
    settle(&mut answer.body);
    answer
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                settle(value);
                let Value::Array(items) = value else { continue };
                // What was made in one second is listed in the order of random ids.
                let timed = |item: &Value| item.get("created_at").or_else(|| item.get("at")).is_some();
                if name == "closure" || items.iter().all(timed) {
                    items.sort_by_cached_key(ToString::to_string);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

fn without_chance(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let random = |value: &Value| value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok());
            let told = |name: &str, value: &Value| !UNTOLD.contains(&name) && (name != "id" || !value.is_number());
            fields.retain(|name, value| told(name, value) && !random(value));
            fields.values_mut().for_each(without_chance);
        }
        Value::Array(items) => items.iter_mut().for_each(without_chance),
        _ => {}
    }
}

impl<'a> Driver<'a> {
    pub(super) async fn new(stack: &'a Stack) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let suffix = format!("-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let metronome = stack.org(&format!("metronome{suffix}")).await;
        let acme = stack.org(&format!("acme{suffix}")).await;
        let owner = (acme.owner.id.clone(), acme.owner.client());
        Self {
            stack,
            metronome,
            suffix,
            tokens: HashMap::from([(OWNER_TOKEN.to_owned(), owner)]),
            entitlements: HashMap::new(),
            contents: HashMap::new(),
            etags: HashMap::new(),
            told: HashMap::new(),
            addresses: HashMap::new(),
            mirrors: HashMap::new(),
            turn: 0,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.stack.clock.now().unix()
    }

    pub(super) async fn pass(&self, seconds: i64) {
        let by = Duration::from_secs(u64::try_from(seconds).unwrap());
        // A change makes every process report at once, in the new time.
        let change = async {
            let registry = json!({ "slug": format!("tick-{}", self.now()) });
            let _made = self.metronome.manage("POST", "/registries", &registry).await.expect(201);
        };
        tokio::join!(self.stack.advance(by), change);
    }

    pub(super) fn real(&self, org: &str) -> String {
        format!("{org}{}", self.suffix)
    }

    pub(super) fn token_id(&self, handle: &str) -> &str {
        self.tokens.get(handle).map_or(NOTHING, |(id, _)| id)
    }

    pub(super) fn is_known(&self, handle: &str) -> bool {
        self.tokens.contains_key(handle)
    }

    pub(super) fn entitlement_id(&self, handle: &str) -> &str {
        self.entitlements.get(handle).map_or(NOTHING, String::as_str)
    }

    fn client(&self, who: &Who) -> Client {
        let client = match &who.bearer {
            None => Client::anonymous(),
            Some(handle) => match self.tokens.get(handle) {
                Some((_, client)) => client.clone(),
                None => {
                    let entropy = &*self.stack.ambient.entropy;
                    let never = wharf_domain::Token::generate(TokenKind::Personal, entropy);
                    Client::with(never.secret().expose())
                }
            },
        };
        // A proxy adds the address it was asked from to whatever the client pretends.
        if who.from == HERE { client } else { client.header("x-forwarded-for", &format!("{PRETENDED}, {}", who.from)) }
    }

    pub(super) fn cargo_url(&self, place: &Place, path: &str) -> String {
        format!("{}/cargo/{}/{}/api/v1/crates{path}", self.stack.setup.app, self.real(&place.org), place.registry)
    }

    pub(super) fn org_url(&self, org: &str, path: &str) -> String {
        format!("{}/api/v1/orgs/{}{path}", self.stack.setup.app, self.real(org))
    }

    pub(super) fn entitlement_url(&self, place: &Place, path: &str) -> String {
        self.org_url(&place.org, &format!("/registries/{}/entitlements{path}", place.registry))
    }

    /// The package with the address of its registry in it, as its publisher's cargo writes it.
    pub(super) fn upload(&mut self, place: &Place, package: &Package) -> Vec<u8> {
        let index = format!("sparse+{}/{}/{}/", self.stack.setup.index, self.real(&place.org), place.registry);
        let mut fixture =
            CrateFixture::new(&package.name, &package.number).describe(&package.description).salt(&package.salt);
        for (name, requirement) in &package.deps {
            fixture = fixture.dep(name, requirement);
        }
        self.contents.insert(fixture.cksum(&index), package.content());
        fixture.body(&index)
    }

    /// Asks, and gives the answer in the model's words.
    pub(super) async fn ask(&mut self, request: &Request) -> Expected {
        let mut client = self.client(&request.who);
        if let Some(key) = &request.key {
            client = client.header("idempotency-key", key);
        }
        if let What::Tree(place) = &request.what {
            return settled(self.tree(&request.who, &client, place).await);
        }
        let answer = self.send(&client, &request.what).await;
        let status = answer.status;
        assert!(status < 500, "{request:?}: {status} {}", answer.text());
        let body = match (&request.what, status) {
            (what, 400..) if what.face() == Face::Json => json!({ "code": answer.json()["code"] }),
            (_, 400..) | (_, 204) => Value::Null,
            (What::Publish(..) | What::Yank { .. } | What::ChangeOwners { .. }, _) => Value::Null,
            (What::File(place, name), _) => self.index_file(&client, place, name, &answer).await,
            (What::Download(..) | What::LegacyDownload { .. }, _) => self.file(&answer).await,
            (what, _) => {
                if !self.was_told(request, &answer) {
                    self.learn(what, &answer);
                }
                self.read(&answer.text())
            }
        };
        settled(Expected { status, body })
    }

    /// Whether this is the answer that was given to a create before, as it must be then: to the byte, secrets included.
    fn was_told(&mut self, request: &Request, answer: &Answer) -> bool {
        let Some(key) = request.key.as_ref().filter(|_| request.what.is_create()) else { return false };
        let founding = matches!(request.what, What::FoundOrg { .. });
        let Some(before) = self.told.insert((request.who.bearer.clone(), key.clone(), founding), answer.body.clone())
        else {
            return false;
        };
        assert!(
            before == answer.body,
            "{request:?}: first {}, then {}",
            String::from_utf8_lossy(&before),
            answer.text()
        );
        true
    }

    /// Remembers what the handles of new things stand for.
    fn learn(&mut self, what: &What, answer: &Answer) {
        let mut keep = |handle: &String, id: &Value, secret: &Value| {
            let client = Client::with(secret.as_str().unwrap());
            self.tokens.insert(handle.clone(), (id.as_str().unwrap().to_owned(), client));
        };
        match what {
            What::Issue { token, .. } | What::Rotate { new: token, .. } => {
                let body = answer.json();
                keep(token, &body["token"]["id"], &body["secret"]);
            }
            What::FoundOrg { token, .. } => {
                let body = answer.json();
                keep(token, &body["token"]["token"]["id"], &body["token"]["secret"]);
            }
            What::Grant { token, .. } | What::RotateEntitlement { token, .. } => {
                let body = answer.json();
                let known: Vec<String> = self.tokens.values().map(|(id, _)| id.clone()).collect();
                let tokens = body["tokens"].as_array().unwrap();
                let fresh: Vec<&Value> =
                    tokens.iter().filter(|token| !known.iter().any(|id| token["id"] == id.as_str())).collect();
                assert_eq!(fresh.len(), 1, "{body}");
                let client = Client::with(body["secret"].as_str().unwrap());
                self.tokens.insert(token.clone(), (fresh[0]["id"].as_str().unwrap().to_owned(), client));
                if let What::Grant { id, .. } = what {
                    self.entitlements.insert(id.clone(), body["id"].as_str().unwrap().to_owned());
                }
            }
            _ => {}
        }
    }

    /// A body in the model's words.
    pub(super) fn read(&self, text: &str) -> Value {
        let mut body: Value = serde_json::from_str(&self.translated(text)).unwrap();
        without_chance(&mut body);
        body
    }

    fn translated(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let ids = self.tokens.iter().map(|(handle, (id, _))| (id, handle));
        for (id, handle) in ids.chain(self.entitlements.iter().map(|(handle, id)| (id, handle))) {
            text = text.replace(id.as_str(), handle);
        }
        for (base, name) in [(&self.stack.setup.app, "[app]"), (&self.stack.setup.download, "[download]")] {
            text = text.replace(base, name);
        }
        for org in ["acme", "globex", "nowhere"] {
            text = text.replace(&self.real(org), org);
        }
        text
    }

    /// The lines of an index file. One ETag stands for one content, and asking with it spares the bytes.
    async fn index_file(&mut self, client: &Client, place: &Place, name: &str, answer: &Answer) -> Value {
        let (text, etag) = (answer.text(), answer.header("etag").to_owned());
        let known = self.etags.insert((place.to_string(), etag.clone()), text.clone());
        assert!(known.is_none_or(|known| known == text), "{etag} stands for two contents");
        let url = self.index_url(place, name);
        let again = client.send("GET", &url, &[("if-none-match", &etag)], None).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{url} asked for again with {etag}");
        self.lines(&text)
    }

    /// The lines of an index file, with what the crate files are instead of their checksums.
    pub(super) fn lines(&self, file: &str) -> Value {
        let lines = file.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line["cksum"] = self.contents[line["cksum"].as_str().unwrap()].as_str().into();
            line
        });
        lines.collect()
    }

    /// The file a decision leads to: whole, and its first bytes.
    async fn file(&self, decision: &Answer) -> Value {
        let (anyone, location) = (Client::anonymous(), decision.header("location"));
        let whole = anyone.get(location).await.expect(200);
        let part = anyone.send("GET", location, &[("range", "bytes=0-9")], None).await.expect(206);
        assert_eq!(part.body, whole.body[..10]);
        let cksum = hex::encode(Sha256::digest(&whole.body));
        assert_eq!(whole.header("etag"), format!("\"{cksum}\""));
        json!({ "cksum": self.contents[&cksum] })
    }

    pub(super) fn index_url(&self, place: &Place, name: &str) -> String {
        self.index_of(place, &Token::index_path(name))
    }

    /// The address of a file of an index; of the git index itself without one.
    pub(super) fn index_of(&self, place: &Place, path: &str) -> String {
        let base = format!("{}/{}/{}", self.stack.setup.index, self.real(&place.org), place.registry);
        if path.is_empty() { base } else { format!("{base}/{path}") }
    }

    /// A list, page by page to its end.
    pub(super) async fn list(&mut self, client: &Client, url: &str) -> Answer {
        self.turn += 1;
        let limit = [7, 100, 13, 40][self.turn % 4];
        let joint = if url.contains('?') { '&' } else { '?' };
        let mut items: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut answer = client.get(&format!("{url}{joint}limit={limit}{cursor}")).await;
            if answer.status != 200 {
                return answer;
            }
            let page = answer.json();
            let on_page = page["items"].as_array().unwrap();
            assert!(
                on_page.len() == limit || (on_page.len() < limit && page["next_cursor"].is_null()),
                "{url}: {page}"
            );
            items.extend(on_page.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => {
                    answer.body = json!({ "items": items }).to_string().into_bytes();
                    return answer;
                }
            }
        }
    }
}
