//! Who may read by git, how the others are refused, and what a refusal gives away.

use crate::checkout::{Checkout, Manner, git_url};
use crate::crates::{publish, slim};
use crate::wire::{fetch, head, post, refs, refs_url};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::{Client, Git, Stack};

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_credential_and_every_kind_of_token() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    let secret = &partner.secret;
    let mut told = Vec::new();
    for authorization in [
        secret.clone(),
        format!("Bearer {secret}"),
        format!("Token {secret}"),
        basic(format!("anyone:{secret}")),
        basic(format!("token:{secret}")),
        basic(format!("{secret}:")),
    ] {
        let answer = refs(&Client::with(&authorization), &partner, Protocol::V0).await.expect(200);
        assert_eq!(answer.header("content-type"), ADVERTISEMENT);
        assert!(answer.header("cache-control").contains("no-cache") && !answer.header("expires").is_empty());
        told.push(answer.body);
    }
    assert!(told.iter().all(|body| *body == told[0]));

    // Tokens of members: a switch of the registry, off at first.
    let scopes = ["index:read@private/partner-*"];
    let mut members = vec![org.owner.clone()];
    for (login, role, kind) in [("reader", "reader", "download"), ("bot", "publisher", "service")] {
        members.push(org.member(login, role, kind, &scopes).await);
    }
    let switch = async |on: bool| {
        let body = json!({ "git_personal_keys": on });
        let _done = org.manage("PATCH", "/registries/private", &body).await.expect(200);
    };
    for on in [false, true, false] {
        switch(on).await;
        for member in &members {
            let answer = refs(&member.client(), member, Protocol::V0).await;
            assert_eq!(answer.status, if on { 200 } else { 403 }, "{}", answer.text());
            if !on {
                let text = answer.text();
                assert!(text.contains("entitlement") && text.contains("git_personal_keys"), "{text}");
                let posted = post(&member.client(), member, Protocol::V2, &[], b"0000".to_vec()).await;
                assert_eq!((posted.status, posted.body), (403, answer.body));
            }
        }
        let _always = refs(&partner.client(), &partner, Protocol::V2).await.expect(200);
    }
    // A member sees what its scopes show, whichever way it looks.
    switch(true).await;
    let checkout = Checkout::of(&members[1]).await;
    checkout.fetch(Manner { version: 0, shallow: false }).await;
    let files: Vec<String> = checkout.files().await.into_keys().collect();
    assert_eq!(files, ["config.json", "pa/rt/partner-core"]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_do_in_words_each_client_shows() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let anonymous = Client::anonymous();
    let url = git_url(&partner);
    for (method, address) in [("GET", refs_url(&partner)), ("POST", format!("{url}/git-upload-pack"))] {
        for client in [&anonymous, &Client::with("Basic bm9ib2R5Om5vdGhpbmc=")] {
            let answer = client.send(method, &address, &[], None).await.expect(401);
            let challenges: Vec<&str> =
                answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(challenges[0].starts_with("Basic realm=") && challenges[1].starts_with("Cargo login_url="));
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        }
    }
    // Nothing can be pushed, and there are no files to be had, wherever one asks and whoever one is.
    for place in ["acme/private", "acme/absent", "nobody/private"] {
        let base = format!("{}/{place}", stack.setup.index);
        for (method, path, word) in [
            ("GET", "info/refs?service=git-receive-pack", "cargo publish"),
            ("POST", "git-receive-pack", "cargo publish"),
            ("GET", "info/refs", "smart HTTP"),
            ("GET", "HEAD", "smart HTTP"),
            ("GET", "objects/info/packs", "smart HTTP"),
        ] {
            let asked = [&anonymous, &partner.client()].map(|client| {
                let (client, url) = (client.clone(), format!("{base}/{path}"));
                async move { client.send(method, &url, &[], None).await.expect(403).text() }
            });
            for asked in asked {
                let text = asked.await;
                assert!(text.contains(word), "{path}: {text}");
            }
        }
    }
    let git = Git::with_token(&stack.setup.index, &partner.secret);
    let _made = git.run(git.home(), &["init", "-q", "mine"]).await.ok();
    let pushed = git.run(&git.home().join("mine"), &["push", &url, ":master"]).await.fails();
    assert!(pushed.stderr.contains("403") || pushed.stderr.contains("cargo publish"), "{}", pushed.stderr);
    // libgit2 shows people only what comes in place of the refs.
    let libgit2 = [("user-agent", "git/2.0 (libgit2 1.9.2)")];
    let owner = org.owner.client();
    let refused = owner.send("GET", &refs_url(&org.owner), &libgit2, None).await.expect(200);
    assert_eq!(refused.header("content-type"), ADVERTISEMENT);
    assert!(
        refused.text().starts_with("001e# service=git-upload-pack\n0000") && refused.text().contains("ERR the git")
    );
    // Hidden and absent are one answer for it, too.
    let mut told = Vec::new();
    for place in ["acme/absent", "nobody/private", "acme/private.git", "globex/private"] {
        let address = format!("{}/{place}/info/refs?service=git-upload-pack", stack.setup.index);
        told.push(partner.client().send("GET", &address, &libgit2, None).await.expect(200).observed());
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:#?}");
    stack.stop().await;
}

/// The door as git itself meets it: what exists, what does not, and what is another's, with a credential and without.
#[tokio::test(flavor = "multi_thread")]
async fn git_learns_nothing_at_a_closed_door() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let vault = org.add_registry("vault", &json!({})).await;
    publish(&vault, &slim("partner-core", "1.0.0")).await;
    let base = &stack.setup.index;
    let partner = org.partner("partner", &["partner-*"]).await;
    let stranger = stack.org("globex").await.partner("partner", &["*"]).await;
    for token in [None, Some(&partner), Some(&stranger)] {
        let mut told = Vec::new();
        for place in ["acme/vault", "acme/absent", "nobody/absent"] {
            // A git of its own each time: git forgets a credential that a server refused.
            let git = token.map_or_else(Git::anonymous, |token| Git::with_token(base, &token.secret));
            let answer = git.run(git.home(), &["ls-remote", &format!("{base}/{place}")]).await.fails();
            assert!(answer.stdout.is_empty(), "{}", answer.stdout);
            assert!(token.is_none_or(|token| !answer.stderr.contains(&token.secret)), "{}", answer.stderr);
            told.push(answer.stderr.replace(place, "[PLACE]"));
        }
        assert!(told.iter().all(|answer| answer == &told[0]), "{told:#?}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_is_gone_at_the_next_request() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    publish(&org.owner, &slim("other-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*", "other-*"]).await;
    let before = head(&partner).await;
    let path = format!("/registries/private/entitlements/{}", partner.entitlement.as_ref().unwrap());
    let narrower = json!({ "rules": [{ "allow": ["partner-*"] }] });
    let _done = org.manage("PATCH", &path, &narrower).await.expect(200);
    for _replica in 0..2 {
        assert_ne!(head(&partner).await, before);
        // Offered a moment ago, and not any more.
        let body = fetch(Protocol::V0, before, &[]);
        let answer = post(&partner.client(), &partner, Protocol::V0, &[], body).await.expect(200).text();
        assert!(answer.contains(&format!("ERR upload-pack: not our ref {before}")), "{answer}");
    }
    let _done = org.manage("POST", &format!("{path}/disable"), &json!({})).await.expect(200);
    for _replica in 0..2 {
        let _gone = refs(&partner.client(), &partner, Protocol::V0).await.expect(401);
        let body = fetch(Protocol::V2, ObjectId::new([7; 20]), &[]);
        let _gone = post(&partner.client(), &partner, Protocol::V2, &[], body).await.expect(401);
    }
    stack.stop().await;
}

/// Where `config.json` holds a credential it is the reader's own, though all else is shared by those who see the same.
#[tokio::test(flavor = "multi_thread")]
async fn each_reader_is_given_its_own_config() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let _on = org.manage("PATCH", "/registries/private", &json!({ "legacy_git_downloads": true })).await.expect(200);
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let mut readers = Vec::new();
    for name in ["one", "two"] {
        let token = org.partner(name, &["partner-*"]).await;
        readers.push((Checkout::of(&token).await, stack.setup.legacy_credential(&token).await));
    }
    for round in 1..3 {
        for (checkout, own) in &readers {
            checkout.fetch(Manner { version: 2, shallow: false }).await;
            let config = checkout.config().await;
            for (_, credential) in &readers {
                assert_eq!(config.contains(credential), credential == own, "round {round}");
            }
        }
        publish(&org.owner, &slim("partner-core", &format!("1.{round}.0"))).await;
    }
    stack.stop().await;
}
