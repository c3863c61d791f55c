//! Registries whose index files are let go, and come back as if nothing had been.

use crate::checkout::{Checkout, Manner, sparse_files};
use crate::crates::{publish, publish_bulk, set_yanked, slim};
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::{Client, Stack, until};

const MANNER: Manner = Manner { version: 2, shallow: false };

async fn metric(stack: &Stack, name: &str) -> u64 {
    let text = Client::anonymous().get(&format!("{}/metrics", stack.setup.internal)).await.expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
}

/// With room for one registry, readers of three take turns: each comes back to a registry that was let go meanwhile,
/// asks for what it was offered before, and builds upon it.
#[tokio::test(flavor = "multi_thread")]
async fn registries_unused_for_longest_go_first_and_come_back_the_same() {
    let stack = Stack::builder().limit("git_files_bytes", 1).start().await;
    let rng = &mut Chance::new(seeds("letting go", 1)[0]);
    let mut readers = Vec::new();
    for slug in ["first", "second", "third"] {
        let org = stack.org(slug).await;
        let names = publish_bulk(&org.owner, "shared", rng).await;
        let partner = org.partner("partner", &["shared-*"]).await;
        let checkout = Checkout::of(&partner).await;
        readers.push((org, names, partner, checkout));
    }
    let mut one_registry = 0;
    for round in 0..4 {
        for (number, (org, names, partner, checkout)) in readers.iter().enumerate() {
            if round > 0 {
                publish(&org.owner, &slim("shared-00", &format!("3.{round}.0"))).await;
                set_yanked(&org.owner, "shared-01", "1.0.0", round % 2 == 1).await;
            }
            let before = checkout.objects().await;
            checkout.fetch(MANNER).await;
            assert_eq!(checkout.files().await, sparse_files(partner, names).await, "round {round}, org {number}");
            let grown = checkout.objects().await - before;
            assert!(round == 0 || grown <= 7, "round {round}: {grown} objects for what differs");
            let held = metric(&stack, "wharf_index_git_files_bytes").await;
            one_registry = one_registry.max(held * u64::from(round + number == 0));
            assert_eq!(metric(&stack, "wharf_index_git_loads").await, (round * 3 + number + 1) as u64);
        }
    }
    // Dropped a moment after the answer, away from it.
    until("the bytes of all but one registry are given back", async || {
        metric(&stack, "wharf_index_git_files_bytes").await < one_registry * 2
    })
    .await;
    stack.stop().await;
}

/// The one in use stays, so a bound that is too small costs nothing where there is one registry.
#[tokio::test(flavor = "multi_thread")]
async fn the_registry_used_last_stays_however_large() {
    let stack = Stack::builder().limit("git_files_bytes", 1).start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("one", "1.0.0")).await;
    let partner = org.partner("partner", &["one"]).await;
    for version in ["1.1.0", "1.2.0", "1.3.0"] {
        publish(&org.owner, &slim("one", version)).await;
        Checkout::of(&partner).await.fetch(MANNER).await;
    }
    assert_eq!(metric(&stack, "wharf_index_git_loads").await, 1);
    stack.stop().await;
}
