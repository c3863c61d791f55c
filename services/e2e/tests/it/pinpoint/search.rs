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
    // What a version says of itself that is not seen.
    let _told = org.owner.publish(&CrateFixture::new("beta-tool", "4.0.0").describe("of zebras")).await.expect(200);
    assert_eq!(org.owner.search("zebras").await.expect(200).json()["meta"]["total"], 1);
    assert_eq!(partner.search("zebras").await.observed(), partner.search("zxbras").await.observed());
    stack.stop().await;
}
