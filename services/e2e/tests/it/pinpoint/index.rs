//! What the index shows to whom.

use super::{entitle, listed, publish};
use serde_json::{Value, json};
use std::time::Duration;
use wharf_testkit::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_shows_what_it_says_and_no_more() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "acme-open", &["1.0.0", "1.1.0-rc.1", "2.0.0"]).await;
    publish(&org, "Acme_Secret", &["1.0.0"]).await;

    let but_one = entitle(&org, "but-one", json!({ "allow": ["acme-*"], "except": ["acme-open"] })).await;
    assert!(listed(&but_one, "acme-open").await.is_empty(), "an exception takes out");
    let spelled = entitle(&org, "spelled", json!({ "allow": ["*"], "except": ["ACME-secret*"] })).await;
    assert!(listed(&spelled, "acme_secret").await.is_empty(), "in whatever spelling");
    assert_eq!(listed(&spelled, "acme-open").await.len(), 3);

    let stable = entitle(&org, "stable", json!({ "allow": ["acme-open"], "versions": "^1" })).await;
    assert_eq!(listed(&stable, "acme-open").await, ["1.0.0"], "a pre-release has to be asked for");
    // Everything was published when the clock stood at noon.
    let dated = json!({ "allow": ["acme-open"], "published_before": "2026-06-01T12:00:00Z" });
    assert!(listed(&entitle(&org, "before", dated).await, "acme-open").await.is_empty(), "before is not at");
    let dated = json!({ "allow": ["acme-open"], "published_before": "2026-06-01T12:00:01Z" });
    assert_eq!(listed(&entitle(&org, "after", dated).await, "acme-open").await.len(), 3);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_view_is_given_its_own_file() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0", "2.0.0", "3.0.0"]).await;
    for (versions, expected) in [("<2", &["1.0.0"][..]), ("<3", &["1.0.0", "2.0.0"]), ("=3.0.0", &["3.0.0"])] {
        let reader = entitle(&org, versions, json!({ "allow": ["tool"], "versions": versions })).await;
        assert_eq!(listed(&reader, "tool").await, expected, "{versions}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_version_leaves_no_mark_on_the_file() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0", "2.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["tool"], "versions": "<2" })).await;
    let url = partner.index_url("to/ol/tool");
    let ask = async |coding: &str| partner.client().send("GET", &url, &[("accept-encoding", coding)], None).await;
    let before = (ask("identity").await.expect(200), ask("gzip").await.expect(200));
    assert_ne!(before.0.body, before.1.body);
    stack.advance(Duration::from_secs(60)).await;
    publish(&org, "tool", &["3.0.0"]).await;
    assert_eq!(ask("identity").await.observed(), before.0.observed());
    assert_eq!(ask("gzip").await.observed(), before.1.observed());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_and_yanked_shows_at_once_and_stays() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    assert_eq!(listed(&org.owner, "tool").await, ["1.0.0"]);
    publish(&org, "tool", &["1.1.0"]).await;
    assert_eq!(listed(&org.owner, "tool").await, ["1.0.0", "1.1.0"]);
    let yank = org.owner.crates_url("/tool/1.0.0/yank");
    let _yanked = org.owner.client().send("DELETE", &yank, &[], None).await.expect(200);
    let lines = org.owner.index("tool").await.expect(200).text();
    let yanked = |line: &str| serde_json::from_str::<Value>(line).unwrap()["yanked"].as_bool().unwrap();
    assert_eq!(
        lines.lines().map(yanked).collect::<Vec<_>>(),
        [true, false],
        "a yanked version stays for those who locked it"
    );
    stack.stop().await;
}
