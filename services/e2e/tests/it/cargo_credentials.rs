//! Credentials in the hands of real cargo: every form works for everything, and each way to be refused says what to do.

use crate::cargo_story::{app, cargo, filters, workspace};
use serde_json::json;
use wharf_testkit::cargo::TokenForm;
use wharf_testkit::{CrateFixture, Stack, Token};

const NEEDS_PARTNER: &str = "partner-sdk = { version = \"1\", registry = \"acme\" }";
const MAIN: &str = "fn main() {\n    println!(\"{}\", partner_sdk::SALT);\n}\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_credential_builds_publishes_and_manages() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let partner = org.partner("initech", &["partner-*"]).await;
    let scopes = ["crate:publish-new@*", "crate:publish@*", "crate:yank@*", "owner:write@*"];
    let ada = org.member("ada", "publisher", "upload", &scopes).await;
    for krate in [
        CrateFixture::new("partner-wire", "1.0.0"),
        CrateFixture::new("partner-sdk", "1.0.0").dep("partner-wire", "^1").salt("built"),
    ] {
        let _published = org.owner.publish(&krate).await.expect(200);
    }
    for form in TokenForm::ALL {
        let app = app(NEEDS_PARTNER, MAIN);
        let reader = cargo(&stack, &partner).token(&form.value(&partner.secret));
        let _built = reader.run(app.path(), &["build"]).await.ok();
        assert_eq!(reader.run(app.path(), &["run", "--quiet"]).await.ok().stdout, "built\n", "{form:?}");
        let found = reader.run(app.path(), &["search", "--registry", "acme", "sdk"]).await.ok();
        assert!(found.stdout.starts_with("partner-sdk = \"1.0.0\""), "{form:?}: {}", found.stdout);

        let name = format!("made-with-{form:?}").to_lowercase();
        let package = workspace(&[(&name, "1.0.0", "", "")]);
        let publisher = cargo(&stack, &ada).token(&form.value(&ada.secret));
        let exact = format!("{name}@1.0.0");
        for command in [
            &["publish", "--workspace", "--registry", "acme"][..],
            &["yank", "--registry", "acme", &exact],
            &["yank", "--registry", "acme", &exact, "--undo"],
            &["owner", "--registry", "acme", "--list", &name],
        ] {
            let _done = publisher.run(package.path(), command).await.ok();
        }
        assert!(org.owner.index(&name).await.expect(200).text().contains("\"yanked\":false"), "{form:?}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_told_what_to_do() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let _published = org.owner.publish(&CrateFixture::new("partner-sdk", "1.0.0")).await.expect(200);
    let ada = org.member("ada", "publisher", "upload", &["crate:publish@*", "crate:publish-new@*"]).await;
    let revoked = org.token("ada", "upload", &["crate:publish@*"]).await;
    let _gone = org.manage("DELETE", &format!("/tokens/{}", revoked.id), &json!({})).await.expect(204);
    let other = stack.org("globex").await;
    let expired = org
        .entitle("private", "old", &json!({ "rules": [{ "allow": ["*"] }], "expires_at": "2026-06-01T12:00:01Z" }))
        .await;
    stack.clock.advance(std::time::Duration::from_secs(2));

    let nobody = attempts(&stack, &ada, None).await;
    let rejected = attempts(&stack, &ada, Some("letmein")).await;
    for bad in [mistype(&ada.secret), revoked.secret.clone(), expired.secret.clone()] {
        assert_eq!(attempts(&stack, &ada, Some(&bad)).await, rejected);
        assert!(!rejected.contains(&bad));
    }
    // A good token of another org: this org might as well not exist.
    let stranger = attempts(&stack, &ada, Some(&other.owner.secret)).await;
    let mut nowhere = ada.clone();
    nowhere.org = "nowhere".to_owned();
    for place in [ada.on("nothing"), nowhere] {
        assert_eq!(attempts(&stack, &place, Some(&other.owner.secret)).await, stranger);
    }
    let told = format!(
        "# without a token\n{nobody}\n# with a bad token\n{rejected}\n# with a token of another org\n{stranger}"
    );
    filters().bind(|| insta::assert_snapshot!("refused", told));
    stack.stop().await;
}

/// What cargo says when it resolves, searches and yanks in the registry of `place` with a token, all of which must fail.
async fn attempts(stack: &Stack, place: &Token, token: Option<&str>) -> String {
    let mut told = String::new();
    for command in [
        &["generate-lockfile"][..],
        &["search", "--registry", "acme", "sdk"],
        &["yank", "--registry", "acme", "partner-sdk@1.0.0"],
    ] {
        let app = app(NEEDS_PARTNER, MAIN);
        let cargo = cargo(stack, place).filter(app.path().to_str().unwrap(), "~/app");
        let cargo = if let Some(token) = token { cargo.token(token) } else { cargo };
        told += &format!("$ cargo {}\n{}", command.join(" "), cargo.run(app.path(), command).await.fails().told());
    }
    told
}

/// The token with its last character changed, so that its checksum is wrong.
fn mistype(token: &str) -> String {
    let (front, last) = token.split_at(token.len() - 1);
    format!("{front}{}", if last == "0" { "1" } else { "0" })
}

/// What cargo caches of an index is keyed by address alone; a narrower token in the same home must not profit from it.
#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_in_one_cargo_home_each_see_their_own_view() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let all = org.partner("all", &["*"]).await;
    let narrow =
        org.entitle("private", "narrow", &json!({ "rules": [{ "allow": ["partner-sdk"], "versions": "<1.1" }] })).await;
    for krate in [
        CrateFixture::new("partner-sdk", "1.0.0"),
        CrateFixture::new("partner-sdk", "1.1.0"),
        CrateFixture::new("engine", "1.0.0"),
    ] {
        let _published = org.owner.publish(&krate).await.expect(200);
    }
    let mut cargo = cargo(&stack, &all);
    for (token, version, engine) in [(&all, "1.1.0", true), (&narrow, "1.0.0", false), (&all, "1.1.0", true)] {
        cargo = cargo.token(&token.secret);
        let app = app(NEEDS_PARTNER, "fn main() {}\n");
        let _resolved = cargo.run(app.path(), &["generate-lockfile"]).await.ok();
        let lock = app.read("Cargo.lock");
        assert!(lock.contains(&format!("name = \"partner-sdk\"\nversion = \"{version}\"")), "{lock}");
        let added = cargo.run(app.path(), &["add", "--registry", "acme", "engine"]).await;
        assert_eq!(added.success, engine, "{}", added.told());
    }
    stack.stop().await;
}
