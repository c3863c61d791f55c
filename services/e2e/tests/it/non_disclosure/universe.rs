//! Random universes: what happens in an installation, and which of it the observers may notice.
//!
//! Everything an observer may see happens in both of a pair; what is hidden from all observers happens in one.

use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use wharf_testkit::chance::Chance;
use wharf_testkit::{Client, CrateFixture, Org, Stack, Token};

/// Seconds from the start to the moment named by the partner's `published_before`.
const BOUND: u64 = 3_600;
const BOUND_TEXT: &str = "2026-06-01T13:00:00Z";

/// Something that happens, done by the owner of the org.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Publish(CrateFixture),
    Yank(String, String),
    Unyank(String, String),
    /// The clock moves by so many seconds; never hidden.
    Wait(u64),
    AddRegistry(String),
    AddOrg(String),
    Entitle(String, Vec<String>),
    AddMember(String),
    AddTeam(String),
    OwnByTeam(String, String),
    Search(String),
    Download(String, String),
}

/// One act, and whether the observers must not notice it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) hidden: bool,
}

/// Everything that happens, and the names it speaks of.
#[derive(Clone, Debug)]
pub(super) struct Universe {
    /// What comes before the bound, at it, and after it.
    pub(super) chapters: [Vec<Step>; 3],
    /// Versions by crate that some observer may see.
    pub(super) visible: BTreeMap<String, Vec<String>>,
    /// Versions by crate that no observer may see; the crate itself may be visible.
    pub(super) hidden: BTreeMap<String, Vec<String>>,
    /// Names of the length of hidden ones that never come to be.
    pub(super) absent: BTreeMap<String, String>,
}

/// Crates and versions while a universe is drawn.
struct Draft<'a> {
    rng: &'a mut Chance,
    words: Vec<String>,
    shown: [Vec<Step>; 3],
    unseen: [Vec<Step>; 3],
    visible: BTreeMap<String, Vec<String>>,
    hidden: BTreeMap<String, Vec<String>>,
}

impl Draft<'_> {
    fn release(&mut self, chapter: usize, name: &str, version: String, hidden: bool) {
        let words = [self.rng.pick(&self.words).clone(), self.rng.pick(&self.words).clone()];
        let mut krate = CrateFixture::new(name, &version).describe(&format!("{} for {}", words[0], words[1]));
        // A hidden crate may lean on a visible one: what depends on a crate is not told either.
        if hidden && self.rng.one_in(3) {
            krate = krate.dep("partner-one", "1");
        }
        let (steps, known) =
            if hidden { (&mut self.unseen, &mut self.hidden) } else { (&mut self.shown, &mut self.visible) };
        steps[chapter].push(Step { act: Act::Publish(krate), hidden });
        if self.rng.one_in(4) {
            let (name, version) = (name.to_owned(), version.clone());
            steps[chapter].push(Step { act: Act::Yank(name.clone(), version.clone()), hidden });
            if self.rng.one_in(2) {
                steps[chapter].push(Step { act: Act::Unyank(name, version), hidden });
            }
        }
        known.entry(name.to_owned()).or_default().push(version);
    }

    fn versions(&mut self, chapter: usize, name: &str, hidden: bool, numbers: &[&str]) {
        let count = self.rng.within(1, numbers.len());
        for number in numbers.iter().take(count) {
            self.release(chapter, name, (*number).to_owned(), hidden);
        }
    }

    fn unseen(&mut self, chapter: usize, act: Act) {
        self.unseen[chapter].push(Step { act, hidden: true });
    }
}

impl Universe {
    /// Draws a universe.
    pub(super) fn random(rng: &mut Chance) -> Self {
        let words: Vec<String> = (0..5).map(|_| rng.word(6)).collect();
        let empty = || [Vec::new(), Vec::new(), Vec::new()];
        let mut draft =
            Draft { rng, words, shown: empty(), unseen: empty(), visible: BTreeMap::new(), hidden: BTreeMap::new() };

        // Seen whole: by the partner, by the narrow token, and by whoever may publish them.
        draft.versions(0, "partner-one", false, &["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"]);
        draft.versions(1, "Partner_Two", false, &["0.1.0", "0.2.0+build.7", "0.2.1"]);
        if draft.rng.one_in(2) {
            draft.versions(2, "partner-three", false, &["3.0.0", "3.0.1"]);
        }
        // Seen in part: by requirement, by time, and but for an exception.
        draft.versions(0, "narrow-one", false, &["1.0.0", "1.2.0"]);
        draft.versions(1, "narrow-one", true, &["0.9.0", "2.0.0", "1.3.0-rc.1", "3.1.4"]);
        draft.versions(0, "dated-one", false, &["1.0.0", "5.0.0"]);
        draft.versions(1, "dated-one", true, &["5.1.0", "1.0.1"]);
        draft.versions(2, "dated-one", true, &["6.0.0"]);
        draft.versions(0, "acme-kit", false, &["1.0.0"]);
        // Matched by a pattern, and yet without a version that is seen.
        draft.versions(0, "narrow-gone", true, &["2.0.0", "2.0.1"]);
        draft.versions(2, "dated-late", true, &["1.0.0"]);
        draft.versions(0, "acme-secret-kit", true, &["1.0.0", "1.0.1"]);
        // Not matched at all, however near.
        for name in ["partner", "partnerx-one", "narrow", "hidden-core", "Secret_Sauce", "h"] {
            if name == "hidden-core" || !draft.rng.one_in(3) {
                let chapter = draft.rng.below(3);
                draft.versions(chapter, name, true, &["1.0.0", "1.1.0", "2.0.0"]);
            }
        }

        draft.unseen(0, Act::AddRegistry("vault".to_owned()));
        draft.unseen(0, Act::AddOrg("globex".to_owned()));
        for (number, chapter) in (0..draft.rng.within(2, 5)).map(|number| (number, number % 3)) {
            let patterns = vec![draft.rng.pick(&["*", "partner-*", "hidden-*", "h*"]).to_string()];
            draft.unseen(chapter, Act::Entitle(format!("hidden-{number}"), patterns));
        }
        draft.unseen(0, Act::AddMember("hidden-dev".to_owned()));
        draft.unseen(1, Act::AddTeam("hidden-team".to_owned()));
        draft.unseen(2, Act::OwnByTeam("acme-secret-kit".to_owned(), "hidden-team".to_owned()));
        for _ in 0..6 {
            let chapter = draft.rng.below(3);
            let query = draft.rng.pick(&["", "hidden", "partner", "narrow"]).to_string();
            draft.unseen(chapter, Act::Search(query));
            // Of what the first chapter has published.
            draft.unseen(1 + chapter % 2, Act::Download("narrow-one".to_owned(), "1.0.0".to_owned()));
        }

        let Draft { rng, shown, unseen, visible, hidden, .. } = draft;
        let mut absent = BTreeMap::new();
        for name in hidden.keys().filter(|name| !visible.contains_key(*name)) {
            absent.insert(name.clone(), twin(rng, name));
        }
        let mut chapters = Vec::new();
        for (chapter, (shown, unseen)) in shown.into_iter().zip(unseen).enumerate() {
            let wait = [Vec::new(), vec![BOUND], vec![1]][chapter].clone();
            let waits = wait.into_iter().map(|seconds| Step { act: Act::Wait(seconds), hidden: false });
            chapters.push(waits.chain(rng.interleave(shown, unseen)).collect());
        }
        Self { chapters: chapters.try_into().unwrap(), visible, hidden, absent }
    }
}

/// What stands for versions and names that nobody has: never published by anyone.
pub(super) const NEVER: &str = "9.9.9";

/// A name of the same form as another, which matches the same patterns and never comes to be.
fn twin(rng: &mut Chance, name: &str) -> String {
    let kept = ["acme-secret-", "narrow-", "dated-"].into_iter().find(|prefix| name.starts_with(prefix)).unwrap_or("");
    let rest = name[kept.len()..].chars();
    // Letters of which no name and no text here has three in a row.
    let letters = ["q", "x", "z", "w"];
    kept.chars()
        .chain(rest.map(|letter| match letter {
            '-' | '_' => letter,
            upper if upper.is_ascii_uppercase() => rng.pick(&letters).to_ascii_uppercase().chars().next().unwrap(),
            _ => rng.pick(&letters).chars().next().unwrap(),
        }))
        .collect()
}

/// One installation of a pair.
pub(super) struct Side {
    pub(super) stack: Stack,
    pub(super) acme: Org,
    pub(super) org_id: String,
    /// Who looks: what they are called, what they send, and their tokens.
    pub(super) observers: Vec<(&'static str, Client, Option<Token>)>,
    /// What stands in the download address that an observer's git index names for cargo before 1.74.
    pub(super) credentials: Vec<String>,
    /// What is random or an address, and so differs between two installations, and what stands for it in comparisons.
    pub(super) own: Vec<(String, &'static str)>,
}

impl Side {
    /// An installation with the observers, and with nothing that they could see.
    pub(super) async fn new() -> Self {
        let stack = Stack::start().await;
        let acme = stack.org("acme").await;
        let open = acme.add_registry("open", &json!({ "visibility": "public" })).await;
        let _open = open.publish(&CrateFixture::new("open-core", "1.0.0")).await.expect(200);
        let switches = json!({ "git_personal_keys": true, "legacy_git_downloads": true });
        let _set = acme.manage("PATCH", "/registries/private", &switches).await.expect(200);
        let partner = json!({ "rules": [
            { "allow": ["partner-*"] },
            { "allow": ["acme-*"], "except": ["acme-secret*"] },
            { "allow": ["narrow-*"], "versions": "^1" },
            { "allow": ["dated-*"], "published_before": BOUND_TEXT },
        ] });
        let partner = acme.entitle("private", "partner", &partner).await;
        // Not to change owners: whoever may do that may ask for any member or team by name.
        let rights = json!({ "read": ["narrow-*"], "publish": ["partner-*"], "yank": ["*"] });
        let terms = json!({ "rules": [{ "allow": ["*"], "versions": ">=1.0.0, <2.0.0" }], "rights": rights });
        let vendor = acme.entitle("private", "vendor", &terms).await;
        let scopes = ["index:read@private/partner-*"];
        let narrow = acme.member("reader", "reader", "download", &scopes).await;
        let resident = acme.member("resident", "reader", "personal", &scopes).await;
        let mut database = stack.setup.database.superuser().await;
        // The numbers by which cargo knows owners are drawn at random; here they shall be the same on both sides.
        sqlx::query("update member set owner_number = length(login)").execute(&mut database).await.unwrap();
        // What was made in the same second is listed in the order of random ids.
        sqlx::query("update registry set created_at = created_at + interval '1 second' where slug = 'open'")
            .execute(&mut database)
            .await
            .unwrap();
        // The day on which an observer last used a token is written behind its back, some time in the day.
        sqlx::query("update token set last_used_on = '2026-06-01'").execute(&mut database).await.unwrap();
        let org_id: String = sqlx::query_scalar("select org_id::text from org").fetch_one(&mut database).await.unwrap();
        let registries: Vec<(String, String)> =
            sqlx::query_as("select registry_id::text, slug from registry").fetch_all(&mut database).await.unwrap();
        let mut observers = vec![("anonymous", Client::anonymous(), None)];
        for (name, token) in [("partner", partner), ("vendor", vendor), ("narrow", narrow), ("resident", resident)] {
            observers.push((name, token.client(), Some(token)));
        }
        let setup = &stack.setup;
        let mut credentials = Vec::new();
        for (_, _, token) in &observers {
            credentials.push(match token {
                Some(token) => setup.legacy_credential(token).await,
                None => format!("whfl_{}", "0".repeat(49)),
            });
        }
        let mut own = vec![
            (setup.app.clone(), "[app]"),
            (setup.index.clone(), "[index]"),
            (setup.download.clone(), "[download]"),
            (org_id.clone(), "[org]"),
        ];
        for (id, slug) in registries {
            own.push((id, if slug == "open" { "[open]" } else { "[private]" }));
        }
        for token in observers.iter().filter_map(|(_, _, token)| token.as_ref()) {
            own.push((token.id.clone(), "[token]"));
            own.extend(token.entitlement.clone().map(|id| (id, "[entitlement]")));
            // The last letters of the random part of a token, by which its holder recognises it.
            own.push((format!("\"hint\":\"{}\"", &token.secret[44..48]), "[hint]"));
        }
        Self { stack, acme, org_id, observers, credentials, own }
    }

    /// Lets something happen.
    pub(super) async fn act(&self, act: &Act) {
        let owner = &self.acme.owner;
        let client = owner.client();
        let change = |method: &'static str, path: String, body: serde_json::Value| {
            let client = client.clone();
            async move {
                let answer = client.json(method, &owner.crates_url(&path), &body).await;
                assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
            }
        };
        match act {
            Act::Publish(krate) => drop(owner.publish(krate).await.expect(200)),
            Act::Yank(name, version) => change("DELETE", format!("/{name}/{version}/yank"), json!({})).await,
            Act::Unyank(name, version) => change("PUT", format!("/{name}/{version}/unyank"), json!({})).await,
            Act::Wait(seconds) => self.stack.advance(Duration::from_secs(*seconds)).await,
            Act::AddRegistry(slug) => {
                let added = self.acme.add_registry(slug, &json!({})).await;
                drop(added.publish(&CrateFixture::new("partner-one", "9.0.0")).await.expect(200));
            }
            Act::AddOrg(slug) => {
                let org = self.stack.org(slug).await;
                drop(org.owner.publish(&CrateFixture::new("partner-one", "9.9.0")).await.expect(200));
                let _partner = org.partner("partner", &["partner-*"]).await;
            }
            Act::Entitle(name, patterns) => {
                let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
                let holder = self.acme.partner(name, &patterns).await;
                let _used = holder.index("partner-one").await;
            }
            Act::AddMember(login) => drop(self.acme.member(login, "admin", "personal", &["index:read@*"]).await),
            Act::AddTeam(slug) => drop(self.acme.manage("POST", "/teams", &json!({ "slug": slug })).await.expect(201)),
            Act::OwnByTeam(name, team) => {
                change("PUT", format!("/{name}/owners"), json!({ "users": [format!("team:{team}")] })).await;
            }
            Act::Search(query) => drop(owner.search(query).await.expect(200)),
            Act::Download(name, version) => drop(owner.download(name, version).await.expect(200)),
        }
    }
}
