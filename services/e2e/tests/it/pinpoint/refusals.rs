//! What answers do not tell.

use super::{entitle, publish};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wharf_testkit::{Client, CrateFixture, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_crate_without_a_visible_version_is_absent() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool-late", &["2.0.0", "2.0.1"]).await;
    let terms = json!({
        "rules": [{ "allow": ["tool-*"], "versions": "^1" }],
        "rights": { "yank": ["*"], "owners": ["*"] },
    });
    let partner = org.entitle("private", "partner", &terms).await;
    let body = json!({ "users": ["owner"] }).to_string().into_bytes();
    for (method, rest, body) in [
        ("GET", "/owners", None),
        ("PUT", "/owners", Some(body.clone())),
        ("DELETE", "/owners", Some(body)),
        ("DELETE", "/2.0.0/yank", None),
        ("PUT", "/2.0.0/unyank", None),
    ] {
        let ask = async |name: &str| {
            let url = partner.crates_url(&format!("/{name}{rest}"));
            partner.client().send(method, &url, &[], body.clone()).await
        };
        let (hidden, absent) = (ask("tool-late").await, ask("tool-none").await);
        assert_eq!(hidden.status, 404, "{method} {rest}");
        assert_eq!(hidden.observed(), absent.observed(), "{method} {rest}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_publish_does_not_say_whether_the_name_is_taken() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "taken", &["1.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["partner-*"] })).await;
    let taken = partner.publish(&CrateFixture::new("taken", "1.0.0")).await.expect(403);
    let free = partner.publish(&CrateFixture::new("freed", "1.0.0")).await;
    assert_eq!(taken.observed(), free.observed());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_every_address_asks_for_one() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    for (base, rest) in [
        (&stack.setup.index, "config.json"),
        (&stack.setup.index, "to/ol/tool"),
        (&stack.setup.download, "tool/1.0.0/download"),
    ] {
        for place in [format!("{}/private", org.slug), format!("{}/nothing", org.slug), "nobody/private".to_owned()] {
            let answer = Client::anonymous().get(&format!("{base}/{place}/{rest}")).await;
            assert_eq!(answer.status, 401, "{place}/{rest}");
            assert!(!answer.body.is_empty(), "{place}/{rest}");
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outsiders_are_not_told_who_owns_what_they_see() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "partner-tool", &["1.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["partner-*"] })).await;
    let owners = partner.client().get(&partner.crates_url("/partner-tool/owners")).await.expect(200).json();
    assert_eq!(owners["users"], json!([]));
    let owners = org.owner.client().get(&org.owner.crates_url("/partner-tool/owners")).await.expect(200).json();
    assert_eq!(owners["users"][0]["login"], "owner");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_row_once() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut expected = BTreeSet::new();
    for name in ["one", "two", "three", "four", "five"] {
        expected.insert(entitle(&org, name, json!({ "allow": ["x"] })).await.entitlement.unwrap());
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/registries/private/entitlements?limit=2{cursor}");
        let page = org.owner.client().get(&org.url(&path)).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    stack.stop().await;
}

/// Neighbours in time are no neighbours in number: no id tells how many came before it.
#[tokio::test(flavor = "multi_thread")]
async fn ids_do_not_count() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut ids: Vec<uuid::Uuid> = Vec::new();
    for name in ["one", "two", "three"] {
        let granted = entitle(&org, name, json!({ "allow": ["x"] })).await;
        ids.extend([granted.id.parse::<uuid::Uuid>().unwrap(), granted.entitlement.unwrap().parse().unwrap()]);
    }
    let registries = org.owner.client().get(&org.url("/registries")).await.expect(200).json();
    let id = |item: &Value| item["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    ids.extend(registries["items"].as_array().unwrap().iter().map(id));
    for (at, one) in ids.iter().enumerate() {
        assert_eq!(one.get_version(), Some(uuid::Version::Random));
        for other in &ids[at + 1..] {
            assert!(one.as_u128().abs_diff(other.as_u128()) >> 64 > 0, "{one} is near {other}");
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_may_share_what_was_made_for_one_credential() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let owner = &org.owner;
    for url in [
        owner.index_url("config.json"),
        owner.index_url("to/ol/tool"),
        owner.download_url("tool", "1.0.0"),
        owner.crates_url("?q=tool"),
        owner.crates_url("/tool/owners"),
        org.url("/tokens"),
    ] {
        let answer = owner.client().get(&url).await;
        assert!(answer.status < 400, "{url}: {}", answer.status);
        let control = answer.header("cache-control");
        let words: BTreeSet<&str> = control.split(',').map(str::trim).collect();
        assert!(!words.contains("public"), "{url}: {control}");
        assert!(words.contains("private") || words.contains("no-store"), "{url}: {control}");
        assert!(answer.header("vary").contains("Authorization") || words.contains("no-store"), "{url}");
    }
    stack.stop().await;
}
