//! Two replicas that take turns: what one offers the other serves, whatever happened in between.

use crate::crates::{bulky, publish, publish_bulk, set_yanked, slim, yank_unheard};
use crate::wire::{fetch, fetched, head, objects};
use serde_json::json;
use wharf::serve::Service;
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::{Answer, Client, Stack, Token, git_protocol};

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

/// One process of several.
struct Alone {
    client: Client,
    url: String,
}

impl Alone {
    /// Both, for a reader: one to offer, and one that never saw what was offered.
    fn both(stack: &Stack, token: &Token) -> [Self; 2] {
        let mut all = stack.replicas().iter().filter(|(service, _)| *service == Service::Index);
        [(), ()].map(|()| {
            let (_, address) = all.next().unwrap();
            Self { client: token.client(), url: format!("http://{address}/acme/private") }
        })
    }

    async fn head(&self) -> ObjectId {
        let told = git_protocol::refs(&self.client, &self.url, Protocol::V0).await.expect(200);
        git_protocol::head(&self.client, &self.url, Protocol::V0, &told).await
    }

    async fn fetched(&self, want: ObjectId) -> Answer {
        git_protocol::post(&self.client, &self.url, Protocol::V2, &[], fetch(Protocol::V2, want, &[])).await.expect(200)
    }
}

/// The same within a crate that is seen in part: its hidden versions come and go unnoticed.
#[tokio::test(flavor = "multi_thread")]
async fn hidden_versions_do_not_age_an_offer() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("part", "1.0.0")).await;
    let terms = json!({ "rules": [{ "allow": ["part"], "versions": "^1" }] });
    let reader = org.entitle("private", "reader", &terms).await;
    let [offering, other] = Alone::both(&stack, &reader);
    let offered = offering.head().await;
    let whole = offering.fetched(offered).await.body;
    publish(&org.owner, &slim("part", "1.1.0")).await;
    for minor in 0..12 {
        publish(&org.owner, &slim("part", &format!("2.{minor}.0"))).await;
        set_yanked(&org.owner, "part", &format!("2.{minor}.0"), true).await;
    }
    for process in [&offering, &other] {
        assert!(process.fetched(offered).await.body == whole);
    }
    stack.stop().await;
}

/// Offers of small views are not written down; one that grows between the two requests is served as it was offered.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_may_outgrow_its_offer() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("outgrown", 1)[0]);
    for number in 0..9 {
        publish(&org.owner, &bulky(&format!("growing-{number}"), "1.0.0", rng)).await;
    }
    let reader = org.partner("reader", &["growing-*"]).await;
    let [offering, other] = Alone::both(&stack, &reader);
    let offered = offering.head().await;
    let whole = offering.fetched(offered).await.body;
    for number in 0..8 {
        publish(&org.owner, &bulky(&format!("growing-more-{number}"), "1.0.0", rng)).await;
    }
    let grown = offering.fetched(offering.head().await).await.body;
    assert!(whole.len() < 64 << 10 && grown.len() > 64 << 10, "{} {}", whole.len(), grown.len());
    for process in [&offering, &other] {
        assert!(process.fetched(offered).await.body == whole);
    }
    stack.stop().await;
}

/// A process that the feed has not told of a change yet is asked for what the other one made of it. Here it is never told.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_heard_nothing_reads_what_is_wanted_of_it() {
    for is_large in [true, false] {
        let stack = Stack::builder().indexes(2).start().await;
        let org = stack.org("acme").await;
        let rng = &mut Chance::new(seeds("unheard", 1)[0]);
        publish(&org.owner, &slim("seen", "1.0.0")).await;
        if is_large {
            let _names = publish_bulk(&org.owner, "seen", rng).await;
        }
        let reader = org.partner("reader", &["seen*"]).await;
        let [unheard, fresh] = Alone::both(&stack, &reader);
        let before = unheard.head().await;
        yank_unheard(&stack, "seen").await;
        assert_eq!(unheard.head().await, before, "nobody told it");
        let offered = fresh.head().await;
        assert_ne!(offered, before);
        assert!(unheard.fetched(offered).await.body == fresh.fetched(offered).await.body);
        // Asked once, it knows.
        assert_eq!(unheard.head().await, offered);
        stack.stop().await;
    }
}
