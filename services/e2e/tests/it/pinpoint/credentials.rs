//! Which credentials are taken, for what, and what is kept of them.

use super::publish;
use serde_json::json;
use wharf_testkit::{Client, CrateFixture, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_scopes_may_do_nothing() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let none = org.member("none", "admin", "personal", &[]).await;
    assert_eq!(none.index("tool").await.status, 404);
    assert_eq!(none.publish(&CrateFixture::new("mine", "1.0.0")).await.status, 404);
    assert_eq!(none.client().get(&org.url("/members")).await.status, 404);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_now_decides_what_a_token_shows() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let member = org.member("kim", "reader", "download", &["index:read@*"]).await;
    assert_eq!(member.index("tool").await.status, 200);
    let _lowered = org.manage("PATCH", "/members/kim", &json!({ "role": "auditor" })).await.expect(200);
    assert_eq!(member.index("tool").await.status, 404);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_now_decides_what_a_token_manages() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let scopes = ["member:read@*", "member:write@*", "audit:read@*", "entitlement:write@*", "index:read@*"];
    let kim = org.member("kim", "admin", "personal", &scopes).await;
    let ask = async |path: &str| kim.client().get(&org.url(path)).await.status;
    let managed = ["/members", "/audit", "/registries/private/entitlements"];
    for path in managed {
        assert_eq!(ask(path).await, 200, "{path}");
    }
    let _lowered = org.manage("PATCH", "/members/kim", &json!({ "role": "reader" })).await.expect(200);
    for path in managed {
        let status = ask(path).await;
        assert!(matches!(status, 403 | 404), "{path}: {status}");
    }
    let ann = json!({ "login": "ann", "kind": "service", "role": "reader" });
    assert_eq!(kim.client().json("POST", &org.url("/members"), &ann).await.status, 404);
    stack.stop().await;
}

/// A token made for reading does not publish, even if it was given the scopes.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_kind_changes_nothing() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let scopes = ["index:read@*", "crate:publish@*", "crate:publish-new@*", "token:write@*"];
    let reading = org.member("kim", "admin", "download", &scopes).await;
    assert_eq!(reading.publish(&CrateFixture::new("tool", "1.0.0")).await.status, 403);
    assert_eq!(reading.client().get(&org.url("/tokens")).await.status, 404);
    assert_eq!(org.owner.index("tool").await.status, 404);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_an_address_is_refused_and_said_to_be_spent() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    for url in [
        org.owner.index_url("to/ol/tool"),
        org.owner.download_url("tool", "1.0.0"),
        org.owner.crates_url(""),
        org.url("/tokens"),
    ] {
        for client in [Client::anonymous(), org.owner.client()] {
            let answer = client.get(&format!("{url}?token={}", org.owner.secret)).await.expect(400);
            assert!(answer.text().contains("must never stand in an address"), "{}", answer.text());
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_token_is_stored_but_its_hint() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rows: Vec<(Vec<u8>, String)> = sqlx::query_as("select digest, to_jsonb(token)::text from token")
        .fetch_all(&mut stack.setup.database.superuser().await)
        .await
        .unwrap();
    assert!(!rows.is_empty());
    // Any eight characters in a row of the random part.
    let parts: Vec<&[u8]> = org.owner.secret.as_bytes()[5..].windows(8).collect();
    for (digest, row) in rows {
        let hexadecimal = |part: &[u8]| row.contains(&hex::encode(part));
        let inside = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
        for part in &parts {
            assert!(!inside(&digest, part) && !inside(row.as_bytes(), part) && !hexadecimal(part), "{row}");
        }
    }
    stack.stop().await;
}

/// Whoever can make a victim's client send another `Host` must not be able to send its credential there.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_to_log_in_at_is_the_configured_one() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let expected = format!("Cargo login_url=\"{}/cargo/acme/private/me\"", stack.setup.app);
    let index = org.owner.index_url("config.json");
    let own = index.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    for host in [own.as_str(), &own.replace("127.0.0.1", "localhost"), "evil.example"] {
        let forwarded = [("host", host), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")];
        let answer = Client::anonymous().send("GET", &index, &forwarded, None).await;
        // Hosts that are not ours are turned away before anything is said.
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        match answer.status {
            401 => assert!(challenges.iter().any(|challenge| **challenge == expected), "{host}: {challenges:?}"),
            421 => assert!(challenges.is_empty() && host != own, "{host}"),
            other => panic!("{host}: {other}"),
        }
        assert!(!format!("{:?} {}", answer.headers, answer.text()).contains("evil"), "{host}");
    }
    stack.stop().await;
}
