//! Fetches while others publish, over two replicas that take turns: none is refused, and none is given half a change.

use crate::checkout::{Checkout, Manner, sparse_files};
use crate::crates::{publish, publish_bulk, set_yanked, slim};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wharf_testkit::Stack;
use wharf_testkit::chance::{Chance, runs, seeds};

const PUBLISHERS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn fetches_amid_publishes_are_served() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("rush", 1)[0]);
    let mut names = publish_bulk(&org.owner, "large", rng).await;
    names.extend((0..PUBLISHERS).flat_map(|publisher| ["large", "small"].map(|kind| format!("{kind}-new{publisher}"))));
    let publishes = runs(12, 60);
    let busy = Arc::new(AtomicUsize::new(PUBLISHERS));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (owner, busy) = (org.owner.clone(), Arc::clone(&busy));
            tokio::spawn(async move {
                for number in 0..publishes {
                    for kind in ["large", "small"] {
                        let (name, version) = (format!("{kind}-new{publisher}"), format!("1.{number}.0"));
                        publish(&owner, &slim(&name, &version)).await;
                        set_yanked(&owner, &name, &version, true).await;
                    }
                }
                busy.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let mut fetchers = Vec::new();
    for (number, pattern) in ["large-*", "small-*", "*"].into_iter().enumerate() {
        let token = org.partner(&format!("reader-{number}"), &[pattern]).await;
        for manner in [Manner { version: 0, shallow: false }, Manner { version: 2, shallow: true }] {
            let (token, busy, checkout) = (token.clone(), Arc::clone(&busy), Checkout::of(&token).await);
            fetchers.push(tokio::spawn(async move {
                let mut fetches = 0;
                while busy.load(Ordering::SeqCst) > 0 {
                    checkout.fetch(manner).await;
                    fetches += 1;
                }
                checkout.fetch(manner).await;
                (token, checkout, fetches)
            }));
        }
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let mut total = 0;
    for fetcher in fetchers {
        let (token, checkout, fetches) = fetcher.await.unwrap();
        total += fetches;
        assert_eq!(checkout.files().await, sparse_files(&token, &names).await);
    }
    assert!(total > 20, "{total} fetches are no rush");
    stack.stop().await;
}
