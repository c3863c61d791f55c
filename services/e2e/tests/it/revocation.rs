//! Every way in which a right ends or changes is in force on every replica of every service when the answer to it comes;
//! and what ends by itself ends to the second.

mod replicas;

use serde_json::{Value, json};
use std::time::Duration;
use wharf_testkit::{CrateFixture, Org, Stack, Token};

/// What a token is answered about a crate: by each index replica, each download replica, and the cargo web API.
async fn answers(token: &Token, name: &str) -> [u16; 5] {
    [
        token.index(name).await.status,
        token.index(name).await.status,
        token.client().get(&token.download_url(name, "1.0.0")).await.status,
        token.client().get(&token.download_url(name, "1.0.0")).await.status,
        token.client().get(&token.crates_url(&format!("/{name}/owners"))).await.status,
    ]
}

const SEEN: [u16; 5] = [200, 200, 302, 302, 200];
const HIDDEN: [u16; 5] = [404; 5];
/// Cargo wants 403 for a bad credential from its web API, and 401 elsewhere.
const REFUSED: [u16; 5] = [401, 401, 401, 401, 403];

async fn stack() -> (Stack, Org) {
    let stack = Stack::builder().indexes(2).downloads(2).start().await;
    let org = stack.org("acme").await;
    for name in ["partner-sdk", "inner"] {
        let _published = org.owner.publish(&CrateFixture::new(name, "1.0.0")).await.expect(200);
    }
    (stack, org)
}

/// The path of an entitlement, and what may follow it.
fn path(token: &Token, rest: &str) -> String {
    format!("/registries/{}/entitlements/{}{rest}", token.registry, token.entitlement.as_deref().unwrap())
}

fn with_secret(token: &Token, secret: &Value) -> Token {
    let mut token = token.clone();
    secret.as_str().unwrap().clone_into(&mut token.secret);
    token
}

/// Another state of an entitlement, in force when this returns.
async fn patch(org: &Org, token: &Token, change: &Value) {
    let _changed = org.manage("PATCH", &path(token, ""), change).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_members() {
    let (stack, org) = stack().await;

    // A token revoked; the other tokens of its member go on.
    let [one, two] = [
        org.member("ann", "reader", "download", &["index:read@private"]).await,
        org.token("ann", "download", &["index:read@private"]).await,
    ];
    assert_eq!((answers(&one, "inner").await, answers(&two, "inner").await), (SEEN, SEEN));
    let _gone = org.manage("DELETE", &format!("/tokens/{}", one.id), &json!({})).await.expect(204);
    assert_eq!((answers(&one, "inner").await, answers(&two, "inner").await), (REFUSED, SEEN));

    // A member removed, with every token.
    let _gone = org.manage("DELETE", "/members/ann", &json!({})).await.expect(204);
    assert_eq!((answers(&one, "inner").await, answers(&two, "inner").await), (REFUSED, REFUSED));

    // A role lowered and raised again: rights are those of the role now, whatever the token was issued for.
    let ben = org.member("ben", "publisher", "upload", &["crate:publish@private", "crate:publish-new@private"]).await;
    let _mine = ben.publish(&CrateFixture::new("bens", "1.0.0")).await.expect(200);
    assert_eq!(answers(&ben, "bens").await, SEEN);
    let to = async |role: &str| {
        let _changed = org.manage("PATCH", "/members/ben", &json!({ "role": role })).await.expect(200);
    };
    to("auditor").await;
    assert_eq!(answers(&ben, "bens").await, HIDDEN);
    assert_eq!(ben.publish(&CrateFixture::new("bens", "1.1.0")).await.status, 404);
    to("publisher").await;
    assert_eq!(answers(&ben, "bens").await, SEEN);
    let _again = ben.publish(&CrateFixture::new("bens", "1.1.0")).await.expect(200);

    // A person's own key, revoked by an owner, on the management API.
    let cleo = org.member("cleo", "admin", "personal", &["index:read@*", "member:read@*"]).await;
    assert_eq!(cleo.client().get(&org.url("/members")).await.status, 200);
    let _gone = org.manage("DELETE", &format!("/tokens/{}", cleo.id), &json!({})).await.expect(204);
    assert_eq!(cleo.client().get(&org.url("/members")).await.status, 401);
    assert_eq!(answers(&cleo, "inner").await, REFUSED);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_of_a_crate() {
    let (stack, org) = stack().await;
    let scopes = ["crate:publish@private", "crate:publish-new@private", "owner:write@private", "crate:yank@private"];
    let ann = org.member("ann", "publisher", "upload", &scopes).await;
    let ben = org.member("ben", "publisher", "upload", &scopes).await;
    let number = |minor: u32| CrateFixture::new("shared", &format!("1.{minor}.0"));
    let _first = ann.publish(&number(0)).await.expect(200);
    assert_eq!(ben.publish(&number(1)).await.status, 403);
    let owners = ann.crates_url("/shared/owners");
    let change = async |method: &str| {
        let _changed = ann.client().json(method, &owners, &json!({ "users": ["ben"] })).await.expect(200);
    };
    change("PUT").await;
    let _second = ben.publish(&number(1)).await.expect(200);
    change("DELETE").await;
    assert_eq!(ben.publish(&number(2)).await.status, 403);
    assert_eq!(ben.client().send("DELETE", &ben.crates_url("/shared/1.0.0/yank"), &[], None).await.status, 403);
    assert_eq!(ben.client().json("PUT", &owners, &json!({ "users": ["ben"] })).await.status, 403);
    assert_eq!(ben.index("shared").await.expect(200).text().lines().count(), 2);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entitlements() {
    let (stack, org) = stack().await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let see = async || (answers(&partner, "partner-sdk").await, answers(&partner, "inner").await);
    assert_eq!(see().await, (SEEN, HIDDEN));

    // Rules.
    patch(&org, &partner, &json!({ "rules": [{ "allow": ["*"] }] })).await;
    assert_eq!(see().await, (SEEN, SEEN));
    patch(&org, &partner, &json!({ "rules": [{ "allow": ["*"], "except": ["partner-*"] }] })).await;
    assert_eq!(see().await, (HIDDEN, SEEN));
    patch(&org, &partner, &json!({ "rules": [{ "allow": ["partner-*"], "versions": "^2" }] })).await;
    assert_eq!(see().await, (HIDDEN, HIDDEN));
    patch(&org, &partner, &json!({ "rules": [{ "allow": ["partner-*"], "versions": "^1" }] })).await;
    assert_eq!(see().await, (SEEN, HIDDEN));

    // Rights.
    let new = CrateFixture::new("partner-own", "1.0.0");
    assert_eq!(partner.publish(&new).await.status, 403);
    patch(&org, &partner, &json!({ "rights": { "publish": ["partner-*"] } })).await;
    let _published = partner.publish(&new).await.expect(200);
    patch(&org, &partner, &json!({ "rights": { "publish": null } })).await;
    assert_eq!(partner.publish(&CrateFixture::new("partner-own", "1.1.0")).await.status, 403);

    // The switch.
    for _ in 0..2 {
        let _off = org.manage("POST", &path(&partner, "/disable"), &json!({})).await.expect(200);
        assert_eq!(see().await, (REFUSED, REFUSED));
        let _on = org.manage("POST", &path(&partner, "/enable"), &json!({})).await.expect(200);
        assert_eq!(see().await, (SEEN, HIDDEN));
    }

    // Addresses: requests of this test come from 127.0.0.1, whatever they say of themselves.
    patch(&org, &partner, &json!({ "sources": ["10.0.0.0/8", "::1"] })).await;
    assert_eq!(see().await, (REFUSED, REFUSED));
    let pretended = [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("x-real-ip", "10.0.0.1")];
    let url = partner.index_url(&Token::index_path("partner-sdk"));
    assert_eq!(partner.client().send("GET", &url, &pretended, None).await.status, 401);
    patch(&org, &partner, &json!({ "sources": ["10.0.0.0/8", "127.0.0.0/8"] })).await;
    assert_eq!(see().await, (SEEN, HIDDEN));

    // Withdrawn for good.
    let _gone = org.manage("DELETE", &path(&partner, ""), &json!({})).await.expect(204);
    assert_eq!(see().await, (REFUSED, REFUSED));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registries() {
    let (stack, org) = stack().await;
    let open = org.add_registry("open", &json!({ "visibility": "public" })).await;
    let _published = open.publish(&CrateFixture::new("shown", "1.0.0")).await.expect(200);
    let stranger = stack.org("globex").await.owner;
    let mut nobody = open.clone();
    stranger.secret.clone_into(&mut nobody.secret);
    let see = async || answers(&nobody, "shown").await;
    assert_eq!(see().await, SEEN);
    for _ in 0..2 {
        let to = async |visibility: &str| {
            let change = json!({ "visibility": visibility });
            let _changed = org.manage("PATCH", "/registries/open", &change).await.expect(200);
        };
        to("private").await;
        assert_eq!((see().await, answers(&open, "shown").await), (HIDDEN, SEEN), "closed to the public");
        to("public").await;
        assert_eq!(see().await, SEEN);
    }

    // Who repeats a change, since the answer to it was lost, is answered when it is in force: it is announced again.
    let mut superuser = stack.setup.database.superuser().await;
    let mut announced = async || -> i64 {
        let count = "select count(*) from outbox where kind = 'registry'";
        sqlx::query_scalar(count).fetch_one(&mut superuser).await.unwrap()
    };
    let before = announced().await;
    let same = json!({ "visibility": "public" });
    let _unchanged = org.manage("PATCH", "/registries/open", &same).await.expect(200);
    assert_eq!(announced().await, before + 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_open_and_close_to_the_second() {
    let (stack, org) = stack().await;
    // The clock stands at 2026-06-01T12:00:00Z.
    let terms = json!({
        "rules": [{ "allow": ["inner"] }],
        "not_before": "2026-06-01T12:10:00Z", "expires_at": "2026-06-01T13:00:00Z",
    });
    let timed = org.entitle("private", "timed", &terms).await;
    assert_eq!(answers(&timed, "inner").await, REFUSED);
    stack.advance(Duration::from_secs(599)).await;
    assert_eq!(answers(&timed, "inner").await, REFUSED);
    stack.advance(Duration::from_secs(1)).await;
    assert_eq!(answers(&timed, "inner").await, SEEN);
    stack.advance(Duration::from_secs(2_999)).await;
    assert_eq!(answers(&timed, "inner").await, SEEN);
    let ticket = timed.client().get(&timed.download_url("inner", "1.0.0")).await.expect(302);
    stack.advance(Duration::from_secs(1)).await;
    assert_eq!(answers(&timed, "inner").await, REFUSED);

    // A ticket that was given out lives on, two minutes at the most, and five seconds for clocks that disagree.
    let ticket = ticket.header("location").to_owned();
    let anonymous = wharf_testkit::Client::anonymous();
    assert_eq!(anonymous.get(&ticket).await.status, 200);
    stack.advance(Duration::from_secs(125)).await;
    assert_eq!(anonymous.get(&ticket).await.status, 403);

    // A window that is moved is another window, at once.
    patch(&org, &timed, &json!({ "expires_at": null })).await;
    assert_eq!(answers(&timed, "inner").await, SEEN);
    patch(&org, &timed, &json!({ "not_before": "2026-06-02T00:00:00Z" })).await;
    assert_eq!(answers(&timed, "inner").await, REFUSED);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_to_the_second() {
    let (stack, org) = stack().await;
    let wanted = json!({ "name": "short", "kind": "download", "expires_at": "2026-06-01T12:01:00Z" });
    let made = org.manage("POST", "/tokens", &wanted).await.expect(201).json();
    let short = with_secret(&org.owner, &made["secret"]);
    stack.advance(Duration::from_secs(59)).await;
    assert_eq!(answers(&short, "inner").await, SEEN);
    stack.advance(Duration::from_secs(1)).await;
    assert_eq!(answers(&short, "inner").await, REFUSED);

    let wanted = json!({ "name": "placed", "kind": "download", "sources": ["192.0.2.0/24"] });
    let made = org.manage("POST", "/tokens", &wanted).await.expect(201).json();
    assert_eq!(answers(&with_secret(&org.owner, &made["secret"]), "inner").await, REFUSED);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_overlaps_as_long_as_asked() {
    let (stack, org) = stack().await;
    let old = org.partner("partner", &["inner"]).await;
    let rotate = async |overlap: u64| {
        let made = org.manage("POST", &path(&old, "/rotate"), &json!({ "overlap_s": overlap })).await.expect(201);
        with_secret(&old, &made.json()["secret"])
    };
    let new = rotate(600).await;
    assert_ne!(new.secret, old.secret);
    assert_eq!((answers(&old, "inner").await, answers(&new, "inner").await), (SEEN, SEEN));
    stack.advance(Duration::from_secs(599)).await;
    assert_eq!((answers(&old, "inner").await, answers(&new, "inner").await), (SEEN, SEEN));
    stack.advance(Duration::from_secs(1)).await;
    assert_eq!((answers(&old, "inner").await, answers(&new, "inner").await), (REFUSED, SEEN));
    let newest = rotate(0).await;
    assert_eq!((answers(&new, "inner").await, answers(&newest, "inner").await), (REFUSED, SEEN));

    // The same for a token of a member.
    let wanted = json!({ "name": "mine", "kind": "download" });
    let made = org.manage("POST", "/tokens", &wanted).await.expect(201).json();
    let first = with_secret(&org.owner, &made["secret"]);
    let url = format!("/tokens/{}/rotate", made["token"]["id"].as_str().unwrap());
    let made = org.manage("POST", &url, &json!({ "overlap_s": 60 })).await.expect(201).json();
    let second = with_secret(&org.owner, &made["secret"]);
    stack.advance(Duration::from_secs(59)).await;
    assert_eq!((answers(&first, "inner").await, answers(&second, "inner").await), (SEEN, SEEN));
    stack.advance(Duration::from_secs(1)).await;
    assert_eq!((answers(&first, "inner").await, answers(&second, "inner").await), (REFUSED, SEEN));
    stack.stop().await;
}
