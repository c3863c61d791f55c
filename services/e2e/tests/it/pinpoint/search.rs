//! What a search finds, counts and shows.

use super::{entitle, publish};
use serde_json::json;
use wharf_testkit::{CrateFixture, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_search_counts_ranks_and_shows_what_is_seen() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "alpha-tool", &["1.0.0"]).await;
    publish(&org, "beta-tool", &["1.0.0", "2.0.0", "3.0.0"]).await;
    publish(&org, "gamma-tool", &["1.0.0"]).await;
    publish(&org, "beta-late-tool", &["2.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["alpha-*", "beta-*"], "versions": "^1" })).await;
    for query in ["tool", "", "crate"] {
        let found = partner.search(query).await.expect(200).json();
        let hits: Vec<(&str, &str)> = found["crates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| (hit["name"].as_str().unwrap(), hit["max_version"].as_str().unwrap()))
            .collect();
        assert_eq!(hits, [("alpha-tool", "1.0.0"), ("beta-tool", "1.0.0")], "{query:?}");
        assert_eq!(found["meta"]["total"], 2, "{query:?}");
    }
    // A page is cut from what is seen: `beta-late-tool` comes first, and is not.
    let url = partner.crates_url("?q=beta&per_page=1");
    let found = partner.client().get(&url).await.expect(200).json();
    assert_eq!((&found["crates"][0]["name"], &found["meta"]["total"]), (&json!("beta-tool"), &json!(1)));
    // Whoever sees everything searches in the same registry: what is remembered for one view is not shown to another.
    assert_eq!(org.owner.search("tool").await.expect(200).json()["meta"]["total"], 4);
    assert_eq!(partner.search("tool").await.expect(200).json()["meta"]["total"], 2);
    // What a version says of itself that is not seen.
    let _told = org.owner.publish(&CrateFixture::new("beta-tool", "4.0.0").describe("of zebras")).await.expect(200);
    assert_eq!(org.owner.search("zebras").await.expect(200).json()["meta"]["total"], 1);
    assert_eq!(partner.search("zebras").await.observed(), partner.search("zxbras").await.observed());
    // What was published, yanked and taken back after the first search is found as it is now.
    publish(&org, "alpha-tool", &["1.1.0"]).await;
    publish(&org, "beta-new-tool", &["1.0.0", "2.0.0"]).await;
    let shown = async || {
        let found = partner.search("tool").await.expect(200).json();
        let hits = found["crates"].as_array().unwrap().iter();
        hits.map(|hit| format!("{} {}", hit["name"].as_str().unwrap(), hit["max_version"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown().await, ["alpha-tool 1.1.0", "beta-new-tool 1.0.0", "beta-tool 1.0.0"]);
    let place = |verb: &str| org.owner.crates_url(&format!("/alpha-tool/1.1.0/{verb}"));
    let _yanked = org.owner.client().send("DELETE", &place("yank"), &[], None).await.expect(200);
    assert_eq!(shown().await, ["alpha-tool 1.0.0", "beta-new-tool 1.0.0", "beta-tool 1.0.0"]);
    let _back = org.owner.client().send("PUT", &place("unyank"), &[], None).await.expect(200);
    assert_eq!(shown().await, ["alpha-tool 1.1.0", "beta-new-tool 1.0.0", "beta-tool 1.0.0"]);
    stack.stop().await;
}
