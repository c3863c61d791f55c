//! Two replicas that take turns: what one offers the other serves, whatever happened in between.

use crate::crates::{bulky, publish, publish_bulk, set_yanked, slim};
use crate::wire::{fetched, head, objects};
use serde_json::json;
use wharf_git_wire::Protocol;
use wharf_testkit::Stack;
use wharf_testkit::chance::{Chance, seeds};

/// Each request comes over a new connection, and so meets the other replica.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_offers_the_other_serves() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("turns", 1)[0]);
    let _names = publish_bulk(&org.owner, "large", rng).await;
    publish(&org.owner, &slim("small-one", "1.0.0")).await;
    publish(&org.owner, &slim("small-two", "1.0.0")).await;
    let large = org.partner("large", &["large-*"]).await;
    let small = org.partner("small", &["small-*"]).await;
    let narrow = json!({ "rules": [{ "allow": ["large-*"], "versions": "^1" }] });
    let narrow = org.entitle("private", "narrow", &narrow).await;
    for (token, prefix) in [(&large, "large-a"), (&small, "small-a"), (&narrow, "large-b")] {
        for round in 1..4 {
            let offered = [head(token).await, head(token).await];
            assert_eq!(offered[0], offered[1], "replicas agree");
            let whole = fetched(token, Protocol::V2, offered[0], &[]).await.body;
            // The state that was offered is gone by the time it is asked for, by more than one step.
            publish(&org.owner, &bulky(&format!("{prefix}-x{round}"), "1.0.0", rng)).await;
            publish(&org.owner, &bulky(&format!("{prefix}-y{round}"), "1.0.0", rng)).await;
            set_yanked(&org.owner, &format!("{prefix}-x{round}"), "1.0.0", true).await;
            publish(&org.owner, &slim(&format!("hidden-{prefix}{round}"), "1.0.0")).await;
            for _replica in 0..2 {
                assert!(fetched(token, Protocol::V2, offered[0], &[]).await.body == whole, "{prefix} {round}");
            }
        }
    }
    stack.stop().await;
}

/// A replica that never gave a commit out serves it when the other one did, even with a newer one behind the client.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_be_ahead_of_what_it_wants() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("ahead", 1)[0]);
    let _names = publish_bulk(&org.owner, "large", rng).await;
    let large = org.partner("large", &["large-*"]).await;
    let older = [head(&large).await, head(&large).await][0];
    publish(&org.owner, &bulky("large-new", "1.0.0", rng)).await;
    let newer = [head(&large).await, head(&large).await][0];
    for _replica in 0..2 {
        let forth = fetched(&large, Protocol::V0, newer, &[older]).await;
        assert_eq!(objects(&forth), 5, "commit, root, two directories, one file");
        let back = fetched(&large, Protocol::V0, older, &[newer]).await;
        // What was there before is in the older state's directories, and one file is not there any more.
        assert!(objects(&back) <= 4, "{}", objects(&back));
    }
    stack.stop().await;
}

/// However much happens that a reader does not see between its two requests, it gets what it was offered.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_does_not_age_an_offer() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("small-one", "1.0.0")).await;
    publish(&org.owner, &slim("hidden", "1.0.0")).await;
    let small = org.partner("small", &["small-*"]).await;
    let offered = head(&small).await;
    let whole = fetched(&small, Protocol::V2, offered, &[]).await.body;
    publish(&org.owner, &slim("small-two", "1.0.0")).await;
    for change in 0..300 {
        set_yanked(&org.owner, "hidden", "1.0.0", change % 2 == 0).await;
    }
    for _replica in 0..2 {
        assert!(fetched(&small, Protocol::V2, offered, &[]).await.body == whole);
    }
    stack.stop().await;
}
