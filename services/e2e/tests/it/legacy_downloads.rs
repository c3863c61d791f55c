//! The switches of the git index, and the download addresses for cargo before 1.74 that carry a credential.

use serde_json::{Value, json};
use std::time::Duration;
use wharf_testkit::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn the_switches_of_the_git_index_are_in_force_everywhere_when_the_answer_comes() {
    let stack = Stack::builder().indexes(2).downloads(2).start().await;
    let org = stack.org("acme").await;
    let switches = |registry: &Value| (registry["git_personal_keys"] == true, registry["legacy_git_downloads"] == true);
    let plain = org.manage("GET", "/registries/private", &Value::Null).await.expect(200).json();
    assert_eq!((switches(&plain), plain["notices"].as_array().unwrap().len()), ((false, false), 0));

    for (change, expected) in [
        (json!({ "git_personal_keys": true }), (true, false)),
        (json!({ "legacy_git_downloads": true }), (true, true)),
        (json!({ "git_personal_keys": false }), (false, true)),
        (json!({ "legacy_git_downloads": false }), (false, false)),
    ] {
        // The audit lists by time.
        stack.advance(Duration::from_secs(1)).await;
        let set = org.manage("PATCH", "/registries/private", &change).await.expect(200).json();
        for site in stack.sites() {
            let address = site.place("acme", "private").unwrap().unwrap().address.clone();
            assert_eq!((address.git_personal_keys, address.legacy_git_downloads), expected, "{change}");
        }
        let read = org.manage("GET", "/registries/private", &Value::Null).await.expect(200).json();
        assert_eq!(read, set, "what is read is what was answered");
        assert_eq!(switches(&set), expected);
        let told: Vec<&Value> = set["notices"].as_array().unwrap().iter().map(|notice| &notice["setting"]).collect();
        assert_eq!(told, vec!["legacy_git_downloads"; usize::from(expected.1)], "the price is told while it is on");
        let acts = org.manage("GET", "/audit?action=registry.update&limit=1", &Value::Null).await.expect(200).json();
        for (setting, value) in change.as_object().unwrap() {
            assert_eq!(acts["items"][0]["detail"]["settings"][setting], *value);
            assert_ne!(acts["items"][0]["detail"]["before"][setting], *value);
        }
    }

    // Where everyone may read there is no credential to lose; and the switches are there from the start if wanted.
    let open = json!({ "slug": "open", "visibility": "public", "legacy_git_downloads": true });
    let open = org.manage("POST", "/registries", &open).await.expect(201).json();
    assert_eq!((switches(&open), open["notices"].as_array().unwrap().len()), ((false, true), 0));
    let old = json!({ "slug": "old", "git_personal_keys": true, "legacy_git_downloads": true });
    let old = org.manage("POST", "/registries", &old).await.expect(201).json();
    let price = old["notices"][0]["text"].as_str().unwrap();
    assert_eq!(switches(&old), (true, true));
    for word in ["index", "secret", "copies", "revoked", "Switch it off"] {
        assert!(price.contains(word), "{word}: {price}");
    }
    stack.stop().await;
}
