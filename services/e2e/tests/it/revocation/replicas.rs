//! Revocation of every kind, measured on every process: two index replicas, two of downloads and the API, each asked at its
//! own address, with Redis up, down and flapping, and with the database gone from the replicas.
//!
//! What is asserted does not depend on the machine's speed: when a change is answered, the feed says that every live replica
//! has applied it, each replica refuses the very next request, and none that has refused says yes again. The figures are
//! printed: how long each kind took from the request to the last replica's first refusal.

use crate::faults::redis::RedisServer;
use serde_json::json;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use wharf::serve::Service;
use wharf_registry::credentials::LIFE;
use wharf_testkit::database::server_of;
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Weather};
use wharf_testkit::stack::RedisKind;
use wharf_testkit::{Client, CrateFixture, Org, Stack, Token, setting, until};

/// Every process, and how to ask it about a crate.
#[derive(Clone)]
struct Replicas {
    /// Name and base, of services that are asked with the token alone.
    bases: Vec<(String, Service, String)>,
}

impl Replicas {
    fn of(stack: &Stack) -> Self {
        let mut bases: Vec<(String, Service, String)> = Vec::new();
        for (at, (service, address)) in stack.replicas().iter().enumerate() {
            bases.push((format!("{service:?} {at}").to_lowercase(), *service, format!("http://{address}")));
        }
        assert_eq!(bases.len(), 4, "two index and two download replicas");
        bases.push(("api".to_owned(), Service::Api, stack.setup.app.clone()));
        Self { bases }
    }

    /// What each process answers about a crate, by its name.
    async fn ask(&self, client: &Client, registry: &str, name: &str) -> BTreeMap<&str, u16> {
        let mut answers = BTreeMap::new();
        for (process, ..) in &self.bases {
            answers.insert(process.as_str(), self.ask_one(process, client, registry, name).await);
        }
        answers
    }

    async fn ask_one(&self, process: &str, client: &Client, registry: &str, name: &str) -> u16 {
        let (_, service, base) = self.bases.iter().find(|(known, ..)| known == process).unwrap();
        let url = match service {
            Service::Index => format!("{base}/acme/{registry}/{}", Token::index_path(name)),
            Service::Download => format!("{base}/acme/{registry}/{name}/1.0.0/download"),
            Service::Api => format!("{base}/cargo/acme/{registry}/api/v1/crates/{name}/owners"),
        };
        client.get(&url).await.status
    }
}

fn is_yes(status: u16) -> bool {
    matches!(status, 200 | 302)
}

type Act<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A way in which a right ends.
struct Ending<'a> {
    kind: &'static str,
    /// Who loses it.
    client: Client,
    registry: &'static str,
    /// What is refused with afterwards, by index, download and API alike but for the API's 403 to bad credentials.
    hidden: bool,
    act: Act<'a>,
}

fn entitlement(token: &Token, rest: &str) -> String {
    format!("/registries/private/entitlements/{}{rest}", token.entitlement.as_deref().unwrap())
}

/// Every way there is, each with a principal of its own; `round` keeps the names apart.
async fn endings<'a>(org: &'a Org, round: &str) -> Vec<Ending<'a>> {
    let mut all = Vec::new();
    let manage = |method: &'static str, path: String, body: serde_json::Value| -> Act<'a> {
        Box::pin(async move {
            let done = org.manage(method, &path, &body).await;
            assert!((200..300).contains(&done.status), "{method} {path}: {} {}", done.status, done.text());
        })
    };
    let ending =
        |kind, token: &Token, hidden, act| Ending { kind, client: token.client(), registry: "private", hidden, act };

    for (kind, role, token_kind) in [
        ("a personal token revoked", "admin", "personal"),
        ("an upload token revoked", "publisher", "upload"),
        ("a download token revoked", "reader", "download"),
        ("a service account's token revoked", "admin", "service"),
    ] {
        let scopes: &[&str] = if token_kind == "download" { &["index:read@private"] } else { &["index:read@*"] };
        let token = org.member(&format!("{token_kind}-{round}"), role, token_kind, scopes).await;
        let act = manage("DELETE", format!("/tokens/{}", token.id), json!({}));
        all.push(ending(kind, &token, false, act));
    }
    for (kind, hidden, method, rest, body) in [
        ("an entitlement withdrawn", false, "DELETE", "", json!({})),
        ("an entitlement switched off", false, "POST", "/disable", json!({})),
        ("an entitlement's secret rotated", false, "POST", "/rotate", json!({ "overlap_s": 0 })),
        ("an entitlement narrowed", true, "PATCH", "", json!({ "rules": [{ "allow": ["other-*"] }] })),
        ("an entitlement ended", false, "PATCH", "", json!({ "expires_at": "2026-06-01T12:00:00Z" })),
        ("an entitlement bound elsewhere", false, "PATCH", "", json!({ "sources": ["203.0.113.0/24"] })),
    ] {
        let token = org.partner(&format!("{kind} in {round}"), &["inner"]).await;
        let act = manage(method, entitlement(&token, rest), body);
        all.push(ending(kind, &token, hidden, act));
    }
    let gone = org.member(&format!("gone-{round}"), "reader", "download", &["index:read@private"]).await;
    all.push(ending("a member removed", &gone, false, manage("DELETE", format!("/members/gone-{round}"), json!({}))));
    let lowered = org.member(&format!("low-{round}"), "admin", "personal", &["index:read@*"]).await;
    let act = manage("PATCH", format!("/members/low-{round}"), json!({ "role": "auditor" }));
    all.push(ending("a role lowered", &lowered, true, act));
    let act = manage("PATCH", "/registries/open".to_owned(), json!({ "visibility": "private" }));
    all.push(Ending {
        kind: "a registry made private",
        client: Client::anonymous(),
        registry: "open",
        hidden: false,
        act,
    });
    all
}

/// The replicas that have not applied everything in the outbox.
async fn behind(stack: &Stack) -> i64 {
    sqlx::query_scalar(
        "select count(*) from replica, (select max(xid::text::bigint)::text::xid8 as newest from outbox) o
         where not pg_visible_in_snapshot(o.newest, applied)",
    )
    .fetch_one(&mut stack.setup.database.superuser().await)
    .await
    .unwrap()
}

/// Lets every right end once, and gives the longest time any took, by kind.
async fn round(stack: &Stack, org: &Org, replicas: &Replicas, name: &str) -> Vec<(&'static str, Duration)> {
    let opened = org.manage("PATCH", "/registries/open", &json!({ "visibility": "public" })).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    let mut figures = Vec::new();
    for Ending { kind, client, registry, hidden, act } in endings(org, name).await {
        let before = replicas.ask(&client, registry, "inner").await;
        assert!(before.values().all(|status| is_yes(*status)), "{name}: {kind}: before: {before:?}");
        let start = Instant::now();
        act.await;
        let answered = start.elapsed();
        let after = replicas.ask(&client, registry, "inner").await;
        for (process, status) in &after {
            let expected = match (hidden, *process) {
                (true, _) => 404,
                (false, "api") if registry == "private" => 403,
                (false, _) => 401,
            };
            assert_eq!(*status, expected, "{name}: {kind}: {process} after {answered:?}: {after:?}");
        }
        // Not by luck: the feed itself says that everyone has applied it.
        assert_eq!(behind(stack).await, 0, "{name}: {kind}: a replica has not applied it");
        figures.push((kind, answered));
    }
    figures
}

fn show(name: &str, figures: &[(&'static str, Duration)]) -> Duration {
    for (kind, took) in figures {
        println!("redis {name:9} {kind:36} {took:?}");
    }
    let longest = figures.iter().map(|(_, took)| *took).max().unwrap();
    println!("redis {name:9} longest: {longest:?}");
    longest
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_refused_everywhere_whatever_redis_does() {
    let mut redis = RedisServer::start();
    let stack = Stack::builder().indexes(2).downloads(2).redis(RedisKind::At(redis.url())).start().await;
    let org = stack.org("acme").await;
    let open = org.add_registry("open", &json!({ "visibility": "public" })).await;
    for token in [&org.owner, &open] {
        let _published = token.publish(&CrateFixture::new("inner", "1.0.0")).await.expect(200);
    }
    let replicas = Replicas::of(&stack);

    let _up = show("up", &round(&stack, &org, &replicas, "up").await);
    redis.kill();
    let _down = show("down", &round(&stack, &org, &replicas, "down").await);

    // It comes and goes, with connections that break in the middle of everything.
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let flapping = std::thread::spawn(move || {
        while !ended.load(Ordering::SeqCst) {
            redis.run();
            std::thread::sleep(Duration::from_millis(150));
            redis.kill();
            std::thread::sleep(Duration::from_millis(70));
        }
    });
    let figures = round(&stack, &org, &replicas, "flapping").await;
    over.store(true, Ordering::SeqCst);
    flapping.join().unwrap();
    let _flapping = show("flapping", &figures);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_in_a_team_ends_with_its_rights() {
    let stack = Stack::builder().indexes(2).downloads(2).start().await;
    let org = stack.org("acme").await;
    let scopes = ["index:read@*", "crate:publish@*", "crate:publish-new@*", "crate:yank@*", "owner:write@*"];
    let ann = org.member("ann", "publisher", "upload", &scopes).await;
    let _published = org.owner.publish(&CrateFixture::new("shared", "1.0.0")).await.expect(200);
    let _team = org.manage("POST", "/teams", &json!({ "slug": "core" })).await.expect(201);
    let owners = org.owner.crates_url("/shared/owners");
    let _owned = org.owner.client().json("PUT", &owners, &json!({ "users": ["team:core"] })).await.expect(200);
    let act = async |number: u32| {
        let publish = ann.publish(&CrateFixture::new("shared", &format!("1.{number}.0"))).await.status;
        let yank = ann.client().send("DELETE", &ann.crates_url("/shared/1.0.0/yank"), &[], None).await.status;
        (publish, yank)
    };
    for turn in 0..3 {
        assert_eq!(act(turn * 2 + 1).await, (403, 403));
        let _seated = org.manage("PUT", "/teams/core/members/ann", &json!({})).await.expect(204);
        assert_eq!(act(turn * 2 + 2).await, (200, 200));
        let _left = org.manage("DELETE", "/teams/core/members/ann", &json!({})).await.expect(204);
    }
    assert_eq!(act(9).await, (403, 403));
    stack.stop().await;
}

/// What a process that lost the database says of a credential it knew, and of a registry that was open to everyone: yes for
/// ten seconds from its last look at the most, then that it cannot tell, and once the database is back, no. Never yes again,
/// and never no before it knows.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_a_right_is_believed_for_ten_seconds() {
    let line = FaultProxy::start(server_of(&setting("WHARF_TEST_DATABASE_URL")), Protocol::Postgres).await;
    let stack = Stack::builder().indexes(2).downloads(2).replicas_reach_database_at(line.address()).start().await;
    let org = stack.org("acme").await;
    let open = org.add_registry("open", &json!({ "visibility": "public" })).await;
    for token in [&org.owner, &open] {
        let _published = token.publish(&CrateFixture::new("inner", "1.0.0")).await.expect(200);
    }
    let replicas = Replicas::of(&stack);
    let partner = org.partner("partner", &["inner"]).await;
    let reader = org.member("ann", "reader", "download", &["index:read@private"]).await;
    let readers = [
        ("partner", partner.client(), "private"),
        ("reader", reader.client(), "private"),
        ("public", Client::anonymous(), "open"),
    ];
    for (_, client, registry) in &readers {
        let known = replicas.ask(client, registry, "inner").await;
        assert!(known.values().all(|status| is_yes(*status)), "{known:?}");
    }
    // The replicas are cut off; the API is not, and takes all away. It answers when its patience with the silent is over.
    line.set(Weather::Refused);
    until("the database is gone", async || TcpStream::connect(line.address()).await.is_err()).await;
    // Nobody can have looked anything up after this moment.
    let last_look = Instant::now();
    let _gone = org.manage("DELETE", &entitlement(&partner, ""), &json!({})).await.expect(204);
    let _gone = org.manage("DELETE", "/members/ann", &json!({})).await.expect(204);
    let _closed = org.manage("PATCH", "/registries/open", &json!({ "visibility": "private" })).await.expect(200);
    for (who, client, registry) in &readers {
        let refused = if *who == "public" { 401 } else { 403 };
        assert_eq!(replicas.ask_one("api", client, registry, "inner").await, refused, "the API knows");
    }
    let mut watchers = tokio::task::JoinSet::new();
    for (process, ..) in replicas.bases.iter().filter(|(process, ..)| process != "api") {
        for (who, client, registry) in readers.clone() {
            let (replicas, process) = (replicas.clone(), process.clone());
            watchers.spawn(async move {
                loop {
                    let asked = last_look.elapsed();
                    match replicas.ask_one(&process, &client, registry, "inner").await {
                        // A question asked after the bound never meets a yes, however slow the machine is.
                        200 | 302 => {
                            assert!(asked < LIFE, "{process} says yes to the {who} {asked:?} after its last look")
                        }
                        503 => break (process, who, asked),
                        other => panic!("{process} says {other} to the {who}: it cannot know"),
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        }
    }
    for (process, who, asked) in watchers.join_all().await {
        println!("postgres gone: {process:10} closed to the {who} {asked:?} after its last look");
    }

    // Back again: no, at once and for good.
    line.set(Weather::Fair);
    let mut refused: BTreeMap<(String, &str), ()> = BTreeMap::new();
    until("everyone says no", async || {
        for (who, client, registry) in &readers {
            for (process, status) in replicas.ask(client, registry, "inner").await {
                let key = (process.to_owned(), *who);
                match status {
                    401 | 403 => {
                        refused.insert(key, ());
                    }
                    503 => assert!(!refused.contains_key(&key), "{key:?} knew already"),
                    other => panic!("{key:?} says {other} of what was taken away"),
                }
            }
        }
        refused.len() == 15
    })
    .await;
    until("the replicas have caught up", async || behind(&stack).await == 0).await;
    stack.stop().await;
}
