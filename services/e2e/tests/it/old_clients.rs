//! Older and newer cargo than the one that runs the tests: 1.85 and 1.96 in full, 1.65 as far as it can go.
//!
//! `./deploy/test` fetches these clients where it can; where it could not, the test says so and ends.

use crate::cargo_story::{app, dressed, workspace};
use serde_json::json;
use wharf_testkit::{Cargo, CrateFixture, Stack, Token};

/// A client of this name, or a line that says it is missing.
#[allow(clippy::print_stderr, reason = "a skipped test must say so")]
fn client(name: &str, stack: &Stack, token: &Token) -> Option<Cargo> {
    let client = Cargo::client(name, "acme", &token.sparse());
    if client.is_none() {
        eprintln!("skipped: the cargo client {name} was not fetched; run ./deploy/test with access to its packages");
    }
    client.map(|cargo| dressed(cargo, stack))
}

/// Publishes a pair of crates, the second needing the first, one command each; then builds against them with a token
/// that sees these two only.
async fn publishes_and_builds(name: &str, version: &str) {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let ada =
        org.member("ada", "publisher", "upload", &["crate:publish@*", "crate:publish-new@*", "crate:yank@*"]).await;
    let partner = org.partner("initech", &["partner-*"]).await;
    let Some(publisher) = client(name, &stack, &ada) else {
        return stack.stop().await;
    };
    let reader = Cargo::client(name, "acme", &partner.sparse()).unwrap();
    let (publisher, reader) = (publisher.token(&ada.secret), reader.token(&partner.secret));
    let package = workspace(&[
        (
            "partner-wire",
            "1.0.0",
            "[features]\nloud = []",
            "pub const MARK: &str = if cfg!(feature = \"loud\") { \"!\" } else { \".\" };\n",
        ),
        (
            "partner-sdk",
            "1.0.0",
            "[dependencies]\nwire = { package = \"partner-wire\", version = \"1\", path = \"../partner-wire\", registry = \"acme\" }\n\n\
             [features]\nloud = [\"wire/loud\"]",
            "pub fn greet() -> String {\n    format!(\"hello{}\", wire::MARK)\n}\n",
        ),
    ]);
    assert!(publisher.run(package.path(), &["--version"]).await.ok().stdout.starts_with(&format!("cargo {version}.")));
    for krate in ["partner-wire", "partner-sdk"] {
        let published = publisher.run(package.path(), &["publish", "-p", krate, "--registry", "acme"]).await.ok();
        let seen = format!("Published {krate} v1.0.0 at registry `acme`");
        assert!(published.stderr.contains(&seen), "not seen in the index: {}", published.stderr);
    }
    let again = publisher.run(package.path(), &["publish", "-p", "partner-wire", "--registry", "acme"]).await.fails();
    assert!(again.stderr.contains("already exists"), "{}", again.stderr);
    let _published = org.owner.publish(&CrateFixture::new("engine", "1.0.0")).await.expect(200);

    let needs = "partner-sdk = { version = \"1\", registry = \"acme\", features = [\"loud\"] }";
    let app = app(needs, "fn main() {\n    println!(\"{}\", partner_sdk::greet());\n}\n");
    let _built = reader.run(app.path(), &["build"]).await.ok();
    assert_eq!(reader.run(app.path(), &["run", "--quiet"]).await.ok().stdout, "hello!\n");
    let hidden = reader.run(app.path(), &["add", "--registry", "acme", "engine"]).await.fails();
    let absent = reader.run(app.path(), &["add", "--registry", "acme", "engage"]).await.fails();
    assert_eq!(hidden.told().replace("engine", "[NAME]"), absent.told().replace("engage", "[NAME]"));

    let exact = "partner-wire@1.0.0";
    let _yanked = publisher.run(package.path(), &["yank", "--registry", "acme", exact]).await.ok();
    assert!(org.owner.index("partner-wire").await.expect(200).text().contains("\"yanked\":true"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_1_85_publishes_and_builds() {
    publishes_and_builds("c185", "1.85").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_1_96_publishes_and_builds() {
    publishes_and_builds("c196", "1.96").await;
}

/// A client of today publishes; 1.65, whose sparse protocol is unstable and never sends a credential, builds from a
/// public registry.
#[tokio::test(flavor = "multi_thread")]
async fn cargo_1_65_builds_from_a_public_registry() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let open = org.add_registry("open", &json!({ "visibility": "public" })).await;
    let Some(old) = client("c165", &stack, &open) else {
        return stack.stop().await;
    };
    let package = workspace(&[
        (
            "base",
            "1.0.0+first",
            "[features]\nloud = []",
            "pub const MARK: &str = if cfg!(feature = \"loud\") { \"!\" } else { \".\" };\n",
        ),
        (
            "greet",
            "1.0.0",
            "[dependencies]\nbase = { version = \"1\", path = \"../base\", registry = \"acme\", optional = true }\n\n\
             [features]\nloud = [\"dep:base\", \"base?/loud\"]",
            "pub fn greet() -> String {\n    format!(\"hello{}\", base::MARK)\n}\n",
        ),
    ]);
    let today = dressed(Cargo::current("acme", &open.sparse()), &stack).token(&open.secret);
    let _published =
        today.run(package.path(), &["publish", "--workspace", "--registry", "acme", "--all-features"]).await.ok();

    let old = old.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_SPARSE_REGISTRY", "true");
    let needs = "greet = { version = \"1\", registry = \"acme\", features = [\"loud\"] }";
    let app = app(needs, "fn main() {\n    println!(\"{}\", greet::greet());\n}\n");
    assert!(old.run(app.path(), &["--version"]).await.ok().stdout.starts_with("cargo 1.65."));
    let _built = old.run(app.path(), &["build"]).await.ok();
    assert_eq!(old.run(app.path(), &["run", "--quiet"]).await.ok().stdout, "hello!\n");
    assert!(app.read("Cargo.lock").contains("1.0.0+first"));
    stack.stop().await;
}
