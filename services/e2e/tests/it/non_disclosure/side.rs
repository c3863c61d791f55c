//! One installation of a pair: who looks at it, and how what happens is done.

use super::universe::{Act, BOUND_TEXT, HEAD_START};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;
use wharf_testkit::{Client, CrateFixture, Org, Stack, Token};

/// Reads everything of its own org, and nothing of any other.
const READING: [&str; 5] = ["index:read@*", "member:read@*", "entitlement:read@*", "audit:read@*", "policy:write@*"];

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
    /// Ids of entitlements and tokens that no observer may know of.
    pub(super) hidden_ids: Mutex<Vec<String>>,
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
        let rights =
            json!({ "read": ["narrow-*"], "publish": ["partner-*"], "yank": ["*"], "owners": ["partner-*", "h*"] });
        let terms = json!({ "rules": [{ "allow": ["*"], "versions": ">=1.0.0, <2.0.0" }], "rights": rights });
        let vendor = acme.entitle("private", "vendor", &terms).await;
        // Opens with the second chapter, and has ended with the third.
        let windowed = json!({
            "rules": [{ "allow": ["partner-*"] }, { "allow": ["dated-*"], "published_before": BOUND_TEXT }],
            "not_before": "2026-06-01T12:30:00Z", "expires_at": "2026-06-01T13:00:01Z",
        });
        let windowed = acme.entitle("private", "windowed", &windowed).await;
        let disabled = json!({ "rules": [{ "allow": ["*"] }], "enabled": false });
        let disabled = acme.entitle("private", "disabled", &disabled).await;
        let scopes = ["index:read@private/partner-*"];
        let narrow = acme.member("reader", "reader", "download", &scopes).await;
        let resident = acme.member("resident", "reader", "personal", &scopes).await;
        // Without a right to anything: an auditor reads no crate.
        let mute = acme.member("mute", "auditor", "personal", &scopes).await;
        let seated =
            ["index:read@private/partner-*", "crate:publish@private/partner-*", "crate:yank@private/partner-*"];
        let seated = acme.member("seated", "publisher", "personal", &seated).await;
        let _crew = acme.manage("POST", "/teams", &json!({ "slug": "crew" })).await.expect(201);
        let _seat = acme.manage("PUT", "/teams/crew/members/seated", &json!({})).await.expect(204);
        let brief = json!({
            "kind": "download", "name": "expired", "scopes": ["index:read@*"], "expires_at": "2026-06-01T12:00:01Z",
        });
        let expired = issued(&acme, &brief).await;
        let revoked =
            issued(&acme, &json!({ "kind": "download", "name": "revoked", "scopes": ["index:read@*"] })).await;
        let _revoked = acme.manage("DELETE", &format!("/tokens/{}", revoked.id), &json!({})).await.expect(204);
        let initech = stack.org("initech").await;
        let _own = initech.owner.publish(&CrateFixture::new("partner-one", "7.0.0")).await.expect(200);
        let boss = initech.member("boss", "admin", "personal", &READING).await;
        let outsider = initech.partner("outsider", &["*"]).await;
        stack.advance(Duration::from_secs(HEAD_START)).await;
        let mut database = stack.setup.database.superuser().await;
        for put_in_order in [
            // The numbers by which cargo knows owners are drawn at random; here they shall be the same on both sides.
            "update member m set owner_number = 1000 + n.number from
                 (select org_id, user_id, row_number() over (partition by org_id order by login) as number from member) n
             where (m.org_id, m.user_id) = (n.org_id, n.user_id)",
            "update team set owner_number = 2000",
            // What was made in the same second is listed in the order of random ids.
            "update member set created_at = created_at + owner_number * interval '1 ms'",
            "update registry set created_at = created_at + interval '1 second' where slug = 'open'",
            "update token set created_at = created_at + length(name) * interval '1 ms'",
            "update audit_entry a set at = at + n.number * interval '1 ms' from
                 (select entry_id, row_number() over (partition by org_id order by action, object ->> 'member', object ->> 'name') as number
                  from audit_entry) n
             where a.entry_id = n.entry_id",
            // The day on which an observer last used a token is written behind its back, some time in the day.
            "update token set last_used_on = '2026-06-01'",
        ] {
            sqlx::query(put_in_order).execute(&mut database).await.unwrap();
        }
        let org_id: String = sqlx::query_scalar("select org_id::text from org where slug = 'acme'")
            .fetch_one(&mut database)
            .await
            .unwrap();
        let registries: Vec<(String, String)> =
            sqlx::query_as("select registry_id::text, slug from registry").fetch_all(&mut database).await.unwrap();
        let mut observers = vec![("anonymous", Client::anonymous(), None)];
        for (name, token) in [
            ("partner", partner),
            ("vendor", vendor),
            ("windowed", windowed),
            ("disabled", disabled),
            ("narrow", narrow),
            ("resident", resident),
            ("mute", mute),
            ("seated", seated),
            ("expired", expired),
            ("revoked", revoked),
            ("boss", boss),
            ("outsider", outsider),
        ] {
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
        Self { stack, acme, org_id, observers, credentials, own, hidden_ids: Mutex::default() }
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
                self.hidden_ids.lock().unwrap().extend([holder.id, holder.entitlement.unwrap()]);
            }
            Act::AddMember(login) => drop(self.acme.member(login, "admin", "personal", &["index:read@*"]).await),
            Act::AddTeam(slug) => drop(self.acme.manage("POST", "/teams", &json!({ "slug": slug })).await.expect(201)),
            Act::OwnByTeam(name, team) => {
                change("PUT", format!("/{name}/owners"), json!({ "users": [format!("team:{team}")] })).await;
            }
            Act::Search(query) => drop(owner.search(query).await.expect(200)),
            Act::Download(name, version) => drop(owner.download(name, version).await.expect(200)),
            Act::Token(name) => self.life_of_a_token(name).await,
            Act::Life(name) => self.life_of_an_entitlement(name).await,
            Act::Refused(name) => self.refused(name).await,
        }
    }

    async fn life_of_a_token(&self, name: &str) {
        let body = json!({ "kind": "download", "name": name, "scopes": ["index:read@*", "index:read@vault"] });
        let token = issued(&self.acme, &body).await;
        let _used = token.index("partner-one").await;
        let rotate = format!("/tokens/{}/rotate", token.id);
        let fresh = self.acme.manage("POST", &rotate, &json!({})).await.expect(201).json();
        for id in [token.id.as_str(), fresh["token"]["id"].as_str().unwrap()] {
            let _revoked = self.acme.manage("DELETE", &format!("/tokens/{id}"), &json!({})).await.expect(204);
            self.hidden_ids.lock().unwrap().push(id.to_owned());
        }
    }

    async fn life_of_an_entitlement(&self, name: &str) {
        let limits = json!([{ "count": "downloads", "per": "day", "max": 1 }]);
        let terms = json!({ "rules": [{ "allow": ["narrow-*"], "versions": "^1" }], "limits": limits });
        let holder = self.acme.entitle("private", name, &terms).await;
        let one = format!("/registries/private/entitlements/{}", holder.entitlement.as_ref().unwrap());
        for _ in 0..3 {
            let _used_up = holder.download("narrow-one", "1.0.0").await;
        }
        for (method, path, body, status) in [
            ("PATCH", "", json!({ "rules": [{ "allow": ["h*"] }] }), 200),
            ("POST", "/rotate", json!({ "overlap_s": 0 }), 201),
            ("POST", "/disable", json!({}), 200),
            ("POST", "/enable", json!({}), 200),
            ("DELETE", "", json!({}), 204),
        ] {
            let _done = self.acme.manage(method, &format!("{one}{path}"), &body).await.expect(status);
        }
    }

    /// Refusals of every kind, by nobody, by a forged token and by the owner.
    async fn refused(&self, name: &str) {
        let owner = &self.acme.owner;
        let index = owner.index_url(&Token::index_path(name));
        let forged = Client::with("whfa_forged");
        let nowhere = owner.download_url(name, "99.0.0");
        for (client, url) in [(Client::anonymous(), &index), (forged, &index), (owner.client(), &nowhere)] {
            let answer = client.get(url).await;
            assert!((400..500).contains(&answer.status), "{url}: {}", answer.status);
        }
        let _no_upload = owner.client().send("PUT", &owner.crates_url("/new"), &[], Some(b"none".to_vec())).await;
        let _no_page = owner.client().get(&owner.crates_url("?per_page=0")).await.expect(400);
    }

    /// Much that is hidden, one thing after the other; several of these at once are a busy registry.
    pub(super) async fn bustle(&self, number: usize) {
        for round in 0..4 {
            let version = format!("{}.{round}.0", 10 + number);
            for act in [
                Act::Publish(CrateFixture::new("hidden-core", &version)),
                Act::Token(format!("bustle-{number}-{round}")),
                Act::Publish(CrateFixture::new("narrow-one", &format!("{}.{round}.1", 10 + number))),
                Act::Life(format!("bustle-{number}-{round}")),
                Act::Search("narrow".to_owned()),
                Act::Yank("hidden-core".to_owned(), version.clone()),
                Act::Refused(format!("bustle-{number}")),
            ] {
                self.act(&act).await;
            }
        }
    }
}

/// A token issued by the owner of an org.
async fn issued(org: &Org, body: &Value) -> Token {
    let made = org.manage("POST", "/tokens", body).await.expect(201).json();
    let mut token = org.owner.clone();
    made["token"]["id"].as_str().unwrap().clone_into(&mut token.id);
    made["secret"].as_str().unwrap().clone_into(&mut token.secret);
    token
}
