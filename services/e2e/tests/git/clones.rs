//! Every way to clone and to fetch, with what a view holds compared to the sparse index.

use crate::checkout::{Checkout, Manner, git_url, sparse_files};
use crate::crates::{publish, publish_bulk, set_yanked, slim};
use serde_json::json;
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::{Git, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_full_and_shallow() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("clones", 1)[0]);
    let mut names = publish_bulk(&org.owner, "partner", rng).await;
    for name in ["a", "ab", "abc", "Abcd", "hidden-core"] {
        publish(&org.owner, &slim(name, "1.0.0")).await;
        names.push(name.to_owned());
    }
    let all = org.partner("all", &["*"]).await;
    let partner = org.partner("partner", &["partner-*", "abc"]).await;
    let nothing = org.partner("nothing", &["zzz"]).await;
    for token in [&all, &partner, &nothing] {
        let expected = sparse_files(token, &names).await;
        let mut checkouts = Vec::new();
        for manner in Manner::ALL {
            let checkout = Checkout::of(token).await;
            checkout.fetch(manner).await;
            assert_eq!(checkout.files().await, expected, "{manner:?}");
            checkouts.push((manner, checkout));
        }
        let first = checkouts[0].1.commit().await;
        publish(&org.owner, &slim("partner-00", &format!("2.{}.0", rng.below(1000)))).await;
        set_yanked(&org.owner, "partner-01", "1.0.0", rng.one_in(2)).await;
        let expected = sparse_files(token, &names).await;
        for (manner, checkout) in &checkouts {
            let before = checkout.objects().await;
            checkout.fetch(*manner).await;
            assert_eq!(checkout.files().await, expected, "{manner:?}");
            // Commit, root, two directories, and the files: what is the same is not sent, and not stored twice.
            let grown = checkout.objects().await - before;
            assert!(grown <= 7, "{manner:?}: {grown} objects");
            assert_eq!(checkout.commit().await != first, expected.len() > 1);
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clone_itself_and_helpers_of_credentials() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let url = git_url(&partner);
    let git = Git::with_token(&stack.setup.index, &partner.secret);
    for arguments in [
        &["clone", &url, "full"][..],
        &["clone", "--depth=1", &url, "shallow"],
        &["clone", "--bare", "--single-branch", &url, "bare"],
    ] {
        let cloned = git.run(git.home(), arguments).await;
        assert!(cloned.success, "{arguments:?}: {}", cloned.stderr);
    }
    let file = std::fs::read(git.home().join("full/pa/rt/partner-core")).unwrap();
    assert_eq!(file, partner.index("partner-core").await.expect(200).body);
    let log = git.run(&git.home().join("full"), &["log", "--format=%P|%an|%at|%ct", "--all"]).await;
    assert_eq!(log.stdout.lines().count(), 1, "no history: {}", log.stdout);
    assert!(log.stdout.starts_with('|'), "no parent: {}", log.stdout);
    // A token as the user, without a password, is what cargo can be given in an address.
    let (scheme, rest) = url.split_once("://").unwrap();
    let anonymous = Git::anonymous();
    let listed =
        anonymous.run(anonymous.home(), &["ls-remote", &format!("{scheme}://{}:@{rest}", partner.secret)]).await;
    assert!(listed.success, "{}", listed.stderr);
    let lines: Vec<&str> = listed.stdout.lines().map(|line| line.split_once('\t').unwrap().1).collect();
    assert_eq!(lines, ["HEAD", "refs/heads/master"]);
    stack.stop().await;
}

/// Versions that are hidden by number, by age, or by an exception are in no file of either index.
#[tokio::test(flavor = "multi_thread")]
async fn a_crate_seen_in_part_has_the_file_of_the_sparse_index() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut names = Vec::new();
    for name in ["a", "ab", "abc", "Ab_C-d", "hidden"] {
        for version in ["1.0.0", "2.0.0-rc.1"] {
            publish(&org.owner, &slim(name, version)).await;
        }
        names.push(name.to_owned());
    }
    stack.advance(std::time::Duration::from_secs(60)).await;
    for name in &names {
        publish(&org.owner, &slim(name, "2.0.0")).await;
    }
    for (number, (rule, lines)) in [
        (json!({ "allow": ["a*"], "versions": "^1" }), 1),
        (json!({ "allow": ["a*"], "versions": ">=2" }), 1),
        (json!({ "allow": ["a*"], "published_before": "2026-06-01T12:00:30Z" }), 2),
        (json!({ "allow": ["a*"], "except": ["ab-c-d"] }), 3),
        (json!({ "allow": ["AB_c_D"], "versions": "^3" }), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let token = org.entitle("private", &format!("reader-{number}"), &json!({ "rules": [rule] })).await;
        let checkout = Checkout::of(&token).await;
        checkout.fetch(Manner { version: 2, shallow: false }).await;
        let expected = sparse_files(&token, &names).await;
        assert_eq!(checkout.files().await, expected, "{rule}");
        let seen = if lines > 0 { token.index("abc").await.expect(200).text().lines().count() } else { 0 };
        assert_eq!(seen, lines, "{rule}");
    }
    stack.stop().await;
}

/// The record says after which change of the index a reader was offered what; what follows is a difference.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_offered_is_remembered_for_large_views_only() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("remembered", 1)[0]);
    let _names = publish_bulk(&org.owner, "large", rng).await;
    publish(&org.owner, &slim("small-one", "1.0.0")).await;
    let large = org.partner("large", &["large-*"]).await;
    let small = org.partner("small", &["small-*"]).await;
    for token in [&large, &small, &large] {
        Checkout::of(token).await.fetch(Manner { version: 2, shallow: false }).await;
    }
    let seen: Vec<(String, i64)> = sqlx::query_as("select reader_id::text, seq from git_seen")
        .fetch_all(&mut stack.setup.database.superuser().await)
        .await
        .unwrap();
    assert_eq!(seen, [(large.entitlement.clone().unwrap(), 17)]);
    stack.stop().await;
}
