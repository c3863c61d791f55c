//! Which cargo can do what: every client, by every way it knows, with both kinds of credential, against one installation.
//!
//! What is seen here is the table of `docs/guides/which-cargo.md`, and the run fails when the page says something else.
//! `WHARF_REVIEW=1` writes it anew. Rows of a client that is not on this machine are left as they are.

use crate::clients::{CLIENTS, Client, Protocol};
use crate::page;
use serde_json::json;
use wharf_testkit::cargo::Package;
use wharf_testkit::stack::Fronts;
use wharf_testkit::{CrateFixture, Org, Stack, Token};

/// An installation. Gitoxide sends a password over TLS only; and libgit2 sends none when cargo is told of an authority of
/// one's own, because cargo then gives it another transport. So there is one with TLS and one without.
struct World {
    stack: Stack,
    /// Entitlement and personal key in `private`, which takes both; and an entitlement in `old`, which is for old cargo.
    entitled: Token,
    person: Token,
    old: Token,
}

impl World {
    async fn new(fronts: Fronts) -> Self {
        let stack = Stack::builder().fronts(fronts).start().await;
        let org = stack.org("acme").await;
        let _set = org.manage("PATCH", "/registries/private", &json!({ "git_personal_keys": true })).await.expect(200);
        let old = org.add_registry("old", &json!({ "legacy_git_downloads": true })).await;
        for place in [&org.owner, &old] {
            publish(&stack, place).await;
        }
        let scopes = ["index:read@*", "crate:publish@*", "crate:publish-new@*", "crate:yank@*"];
        Self {
            entitled: entitle(&org, "private").await,
            old: entitle(&org, "old").await,
            person: org.member("ada", "publisher", "personal", &scopes).await,
            stack,
        }
    }
}

/// Two crates that the partner sees and one that it does not.
async fn publish(stack: &Stack, place: &Token) {
    let index = Protocol::Sparse.index(&stack.setup, &place.registry);
    for krate in [
        CrateFixture::new("partner-wire", "1.0.0"),
        CrateFixture::new("partner-sdk", "1.0.0").dep("partner-wire", "^1").salt("built"),
        CrateFixture::new("engine", "1.0.0"),
    ] {
        let answer = place.client().send("PUT", &place.crates_url("/new"), &[], Some(krate.body(&index))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

async fn entitle(org: &Org, registry: &str) -> Token {
    let rights = json!({ "publish": ["partner-*"], "yank": ["partner-*"] });
    org.entitle(registry, "initech", &json!({ "rules": [{ "allow": ["partner-*"] }], "rights": rights })).await
}

/// What builds against the partner's crates; with the lock file that another cargo has written, if there is one.
fn app(lock: Option<&str>) -> Package {
    // The `rust-version` of the oldest client's compiler keeps the lock file in a form that the oldest client reads.
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\nrust-version = \"1.63\"\n\n\
                    [dependencies]\npartner-sdk = { version = \"1\", registry = \"acme\" }\n";
    let package =
        Package::new(manifest, &[("src/main.rs", "fn main() {\n    println!(\"{}\", partner_sdk::SALT);\n}\n")]);
    if let Some(lock) = lock {
        package.write("Cargo.lock", lock);
    }
    package
}

/// The lock files of both registries over both protocols, written once by the cargo that runs the tests.
struct Locks(Vec<(bool, String, String)>);

impl Locks {
    async fn new(world: &World, protocols: &[Protocol]) -> Self {
        let today = CLIENTS[2];
        let mut locks = Vec::new();
        for &protocol in protocols {
            for token in [&world.entitled, &world.old] {
                let app = app(None);
                let cargo = today.configured(&world.stack.setup, protocol, token);
                let _written = cargo.run(app.path(), &["generate-lockfile"]).await.unwrap();
                let lock = app.read("Cargo.lock");
                let source = protocol.index(&world.stack.setup, &token.registry);
                let source = if protocol == Protocol::Sparse { source } else { format!("registry+{source}") };
                assert_eq!(lock.matches(&format!("source = \"{source}\"")).count(), 2, "{lock}");
                locks.push((protocol == Protocol::Sparse, token.registry.clone(), lock));
            }
        }
        Self(locks)
    }

    fn of(&self, protocol: Protocol, registry: &str) -> &str {
        let sparse = protocol == Protocol::Sparse;
        &self.0.iter().find(|(of, name, _)| *of == sparse && name == registry).unwrap().2
    }
}

/// Builds from the lock file and runs what was built. The lock file stays as it is, and nothing of the token is in it.
async fn builds(world: &World, locks: &Locks, client: Client, protocol: Protocol, token: &Token) -> Result<(), String> {
    let lock = locks.of(protocol, &token.registry);
    let app = app(Some(lock));
    let cargo = client.configured(&world.stack.setup, protocol, token);
    let _said = world.stack.take_agents();
    let built = cargo.run(app.path(), &["build", "--locked"]).await;
    assert_eq!(app.read("Cargo.lock"), lock, "{client:?} {protocol:?} changed the lock file");
    let _said = built?;
    let agents = world.stack.take_agents();
    assert!(
        agents.iter().any(|agent| protocol.is_agent(agent)),
        "{client:?} {protocol:?} read the index as {agents:?}"
    );
    assert_eq!(cargo.run(app.path(), &["run", "--quiet", "--locked"]).await?, "built\n");
    // What is hidden cannot be had that way either.
    let hidden = "[package]\nname = \"app\"\nversion = \"0.1.0\"\n[dependencies]\nengine = { version = \"1\", registry = \"acme\" }\n";
    app.write("Cargo.toml", hidden);
    app.write("Cargo.lock", "");
    let told = cargo.run(app.path(), &["generate-lockfile"]).await;
    if token.id != world.person.id {
        let told = told.unwrap_err();
        assert!(told.contains("engine"), "{client:?} {protocol:?}: {told}");
    }
    Ok(())
}

async fn searches(world: &World, client: Client, protocol: Protocol, token: &Token) -> Result<(), String> {
    let cargo = client.configured(&world.stack.setup, protocol, token);
    let found = cargo.run(somewhere(world), &["search", "--registry", "acme", "sdk"]).await?;
    assert!(found.starts_with("partner-sdk = \"1.0.0\""), "{client:?} {protocol:?}: {found}");
    Ok(())
}

/// Where nothing is configured.
fn somewhere(world: &World) -> &std::path::Path {
    world.stack.setup.directory.path()
}

/// Publishes a crate, yanks it and takes that back.
async fn publishes(world: &World, client: Client, protocol: Protocol, token: &Token) -> Result<(), String> {
    let kind = if token.entitlement.is_some() { "e" } else { "p" };
    let name = format!("partner-{}-{protocol:?}-{kind}", client.release.replace('.', "")).to_lowercase();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\nlicense = \"MIT\"\ndescription = \"Made\"\n\n\
         [dependencies]\npartner-sdk = {{ version = \"1\", registry = \"acme\" }}\n"
    );
    let package = Package::new(&manifest, &[("src/lib.rs", "pub use partner_sdk::SALT;\n")]);
    let cargo = client.configured(&world.stack.setup, protocol, token);
    // Old cargo cannot download what the new crate needs, and so not try it out.
    let _said = cargo.run(package.path(), &["publish", "--no-verify", "--registry", "acme"]).await?;
    let exact = format!("{name}@1.0.0");
    for (arguments, yanked) in [(&[][..], true), (&["--undo"], false)] {
        let command = [&["yank", "--registry", "acme", &exact][..], arguments].concat();
        let _said = cargo.run(package.path(), &command).await?;
        let line = token.index(&name).await.expect(200).text();
        assert!(line.contains(&format!("\"yanked\":{yanked}")), "{client:?} {protocol:?}: {line}");
    }
    Ok(())
}

/// Why cargo could not, in the words of the page; anything unforeseen fails the run.
fn cell(client: Client, protocol: Protocol, done: Result<(), String>, unforeseen: &mut Vec<String>) -> String {
    let Err(told) = done else { return "yes".to_owned() };
    let reasons = [
        ("usage of sparse registries requires", "", "no (a)"),
        ("/download", "401", "no (b)"),
        ("no token found for `mine`", "", "no (b)"),
        ("search --registry", "401", "no (c)"),
        ("git_proxy_options", "", "no (d)"),
    ];
    match reasons.iter().find(|(one, other, _)| told.contains(one) && told.contains(other)) {
        Some((_, _, reason)) => (*reason).to_owned(),
        None => {
            unforeseen.push(format!("cargo {} by {protocol:?}:\n{told}", client.release));
            "?".to_owned()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr, reason = "a skipped client must be told of")]
async fn the_page_says_what_each_cargo_can_do() {
    let (plain, tls) = tokio::join!(World::new(Fronts::Plain), World::new(Fronts::Tls));
    let plain_locks = Locks::new(&plain, &[Protocol::Sparse, Protocol::Libgit2]).await;
    let tls_locks = Locks::new(&tls, &[Protocol::Cli]).await;
    let (mut rows, mut unforeseen) = (Vec::new(), Vec::new());
    for client in CLIENTS {
        if !client.is_here() {
            eprintln!("skipped: cargo {} was not fetched; its rows of the page are not looked at", client.release);
            continue;
        }
        let about = client.configured(&plain.stack.setup, Protocol::Sparse, &plain.entitled);
        let version = about.run(somewhere(&plain), &["--version"]).await.unwrap();
        assert!(version.starts_with(&format!("cargo {}.", client.release)), "{version}");
        for protocol in Protocol::ALL.into_iter().filter(|protocol| client.knows(*protocol)) {
            let (world, locks) =
                if protocol == Protocol::Gitoxide { (&tls, &tls_locks) } else { (&plain, &plain_locks) };
            let World { entitled, person, old, .. } = world;
            let mut cells = vec![client.release.to_owned(), protocol.heading().to_owned()];
            let mut note = |done| cells.push(cell(client, protocol, done, &mut unforeseen));
            for token in [entitled, person, old] {
                note(builds(world, locks, client, protocol, token).await);
            }
            if protocol == Protocol::Replaced {
                // A replaced source is for reading; cargo goes to the clean address for everything else.
                cells.extend(["-"; 4].map(str::to_owned));
            } else {
                for token in [entitled, person] {
                    note(publishes(world, client, protocol, token).await);
                }
                for token in [entitled, old] {
                    note(searches(world, client, protocol, token).await);
                }
            }
            eprintln!("{}", cells.join(" | "));
            rows.push(cells);
        }
    }
    plain.stack.stop().await;
    tls.stack.stop().await;
    assert!(unforeseen.is_empty(), "fails in a way of its own:\n{}", unforeseen.join("\n"));
    page::compare(&rows);
}
