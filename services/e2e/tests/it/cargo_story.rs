//! The main job with real cargo, as one transcript: publish a workspace, look at it, entitle, build, yank. Played against
//! one process of each kind, and against two indexes and two download services; nobody can tell which.

use std::path::Path;
use wharf_testkit::cargo::Package;
use wharf_testkit::identity::Org;
use wharf_testkit::{Cargo, Finished, Stack, Token, Transcript};

/// What differs between two runs of the same thing. Addresses, paths and tokens are replaced where cargo is started.
const FILTERS: [(&str, &str); 2] = [
    (r"in \d+(\.\d+)?s\b", "in [TIME]"),
    (r"(\d+) files?, [\d.]+(Ki|Mi)?B \([\d.]+(Ki|Mi)?B compressed\)", "$1 files, [SIZE] ([SIZE] compressed)"),
];

/// Settings for snapshots of what cargo printed.
pub(crate) fn filters() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, replacement);
    }
    settings.set_omit_expression(true);
    settings
}

/// Dresses a cargo for transcripts: public names for the services, one job at a time, so that lines keep their order.
pub(crate) fn dressed(cargo: Cargo, stack: &Stack) -> Cargo {
    cargo
        .filter(&stack.setup.app, "https://app.example.com")
        .filter(&stack.setup.index, "https://index.example.com")
        .filter(&stack.setup.download, "https://dl.example.com")
        .configure("[build]\njobs = 1")
}

/// The cargo of the tests on this token's registry, which it calls `acme`.
pub(crate) fn cargo(stack: &Stack, token: &Token) -> Cargo {
    dressed(Cargo::current("acme", &token.sparse()), stack)
}

/// A binary package called `app` with these lines in its manifest and this `main`.
pub(crate) fn app(dependencies: &str, main: &str) -> Package {
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\npublish = false\n\n[dependencies]\n{dependencies}\n"
    );
    Package::new(&manifest, &[("src/main.rs", main)])
}

/// A workspace of libraries: name, version, further lines of the manifest, source.
pub(crate) fn workspace(members: &[(&str, &str, &str, &str)]) -> Package {
    let names: Vec<&str> = members.iter().map(|(name, ..)| *name).collect();
    let package = Package::new(&format!("[workspace]\nresolver = \"2\"\nmembers = {names:?}\n"), &[]);
    for (name, version, lines, source) in members {
        package.write(&format!("{name}/Cargo.toml"), &library(name, version, lines));
        package.write(&format!("{name}/src/lib.rs"), source);
    }
    package
}

/// The manifest of a library with all that cargo likes to see in a published one.
pub(crate) fn library(name: &str, version: &str, lines: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\nlicense = \"MIT\"\n\
         description = \"The {name} library\"\nrepository = \"https://git.example.com/{name}\"\n{lines}\n"
    )
}

/// Two libraries for partners, and the engine built on them.
fn sdk() -> Package {
    let on = |name: &str| {
        format!("[dependencies]\n{name} = {{ version = \"1.0\", path = \"../{name}\", registry = \"acme\" }}")
    };
    workspace(&[
        (
            "partner-wire",
            "1.0.0",
            "",
            "//! Wire format.\n\npub fn frame(text: &str) -> String {\n    format!(\"<{text}>\")\n}\n",
        ),
        (
            "partner-sdk",
            "1.0.0",
            &on("partner-wire"),
            "//! For partners.\n\npub fn greet(name: &str) -> String {\n    partner_wire::frame(&format!(\"hello {name}\"))\n}\n",
        ),
        (
            "engine",
            "1.0.0",
            &on("partner-sdk"),
            "//! Ours alone.\n\npub fn start() -> String {\n    partner_sdk::greet(\"engine\")\n}\n",
        ),
    ])
}

const GREETING: &str = "fn main() {\n    println!(\"{}\", partner_sdk::greet(\"world\"));\n}\n";

struct Cast {
    org: Org,
    ada: Token,
    grace: Token,
    partner: Token,
}

impl Cast {
    async fn new(stack: &Stack) -> Self {
        let org = stack.org("acme").await;
        let scopes = ["crate:publish-new@*", "crate:publish@*", "crate:yank@*", "owner:write@*"];
        let ada = org.member("ada", "publisher", "upload", &scopes).await;
        let grace = org.member("grace", "publisher", "download", &["crate:download@*"]).await;
        let partner = org.partner("initech", &["partner-*"]).await;
        Self { org, ada, grace, partner }
    }

    fn secrets(&self) -> [&str; 4] {
        [&self.org.owner, &self.ada, &self.grace, &self.partner].map(|token| token.secret.as_str())
    }
}

async fn story(stack: &Stack) -> Transcript {
    let cast = Cast::new(stack).await;
    let mut told = Transcript::default();
    publish_and_own(stack, &cast, &mut told).await;
    build_and_yank(stack, &cast, &mut told).await;
    entitled(stack, &cast, &mut told).await;
    for secret in cast.secrets() {
        assert!(!told.text().contains(secret), "a token stands in the transcript");
    }
    told
}

async fn publish_and_own(stack: &Stack, cast: &Cast, told: &mut Transcript) {
    let sdk = sdk();
    // Logged in: from here on the token lies in this cargo's credentials.
    let ada = cargo(stack, &cast.ada).filter(&cast.ada.secret, "[TOKEN]").filter(sdk.path().to_str().unwrap(), "~/sdk");
    let target = ada.home().join("target");
    let ada = ada.filter(target.to_str().unwrap(), "~/sdk/target");
    let (at, elsewhere) = (sdk.path(), ada.home());
    told.say("Ada logs in and publishes a workspace of three crates that need each other");
    let login = told.login(&ada, at, &cast.ada.secret).await;
    assert!(login.ok().told().contains("https://app.example.com/cargo/acme/private/me"), "{}", told.text());
    let _published = told.run(&ada, at, &["publish", "--workspace", "--registry", "acme"]).await.ok();

    told.say("She finds them");
    let _found = told.run(&ada, at, &["search", "--registry", "acme", "partner"]).await.ok();
    let _info = told.run(&ada, elsewhere, &["info", "--registry", "acme", "partner-sdk"]).await.ok();

    told.say("Grace owns a crate with her for a while");
    for change in [Some("--add"), None, Some("--remove"), None] {
        let who: &[&str] = change.as_ref().map_or(&["--list"], |_| &["grace"]);
        let arguments: Vec<&str> =
            ["owner", "--registry", "acme"].iter().chain(&change).chain(who).chain(&["partner-sdk"]).copied().collect();
        let _done = told.run(&ada, at, &arguments).await.ok();
    }
}

async fn build_and_yank(stack: &Stack, cast: &Cast, told: &mut Transcript) {
    let app = app("", "fn main() {\n    println!(\"{}\", engine::start());\n}\n");
    let at = app.path();
    let fresh = || cargo(stack, &cast.grace).token(&cast.grace.secret).filter(at.to_str().unwrap(), "~/app");
    told.say("Grace builds with a token that may only download");
    told.shell("export CARGO_REGISTRIES_ACME_TOKEN=[TOKEN]");
    let grace = fresh();
    let _added = told.run(&grace, at, &["add", "--registry", "acme", "engine"]).await.ok();
    let _built = told.run(&grace, at, &["build"]).await.ok();
    let ran = told.run(&grace, at, &["run", "--quiet"]).await.ok();
    assert_eq!(ran.stdout, "<hello engine>\n");

    let ada = cargo(stack, &cast.ada).token(&cast.ada.secret);
    told.say("Ada yanks a version: a locked build goes on, nothing new begins with it; then she takes it back");
    let _yanked = told.run(&ada, ada.home(), &["yank", "--registry", "acme", "partner-wire@1.0.0"]).await.ok();
    let _built = told.run(&fresh(), at, &["build", "--locked"]).await.ok();
    let unlocked = self::app("engine = { version = \"1.0\", registry = \"acme\" }", "fn main() {}\n");
    let other = cargo(stack, &cast.grace).token(&cast.grace.secret).filter(unlocked.path().to_str().unwrap(), "~/new");
    let refused = told.run(&other, unlocked.path(), &["generate-lockfile"]).await.fails();
    assert!(refused.stderr.contains("is yanked"), "{}", refused.stderr);
    let _restored =
        told.run(&ada, ada.home(), &["yank", "--registry", "acme", "partner-wire@1.0.0", "--undo"]).await.ok();
    let _resolved = told.run(&other, unlocked.path(), &["generate-lockfile"]).await.ok();
}

async fn entitled(stack: &Stack, cast: &Cast, told: &mut Transcript) {
    let app = app("", GREETING);
    let at = app.path();
    let initech = cargo(stack, &cast.partner).token(&cast.partner.secret).filter(at.to_str().unwrap(), "~/initech");
    told.say("A partner whose token sees partner-* builds with what it may see, and finds no sign of the rest");
    told.shell("export CARGO_REGISTRIES_ACME_TOKEN=[TOKEN]");
    let _added = told.run(&initech, at, &["add", "--registry", "acme", "partner-sdk"]).await.ok();
    let _built = told.run(&initech, at, &["build"]).await.ok();
    let ran = told.run(&initech, at, &["run", "--quiet"]).await.ok();
    assert_eq!(ran.stdout, "<hello world>\n");
    let _all = told.run(&initech, at, &["search", "--registry", "acme", "e"]).await.ok();
    let hidden = told.run(&initech, at, &["add", "--registry", "acme", "engine"]).await.fails();
    let absent = told.run(&initech, at, &["add", "--registry", "acme", "engage"]).await.fails();
    assert_same(&hidden, "engine", &absent, "engage");
}

/// Both runs printed the same, but for the name, and for how well a package of that name compresses here.
fn assert_same(hidden: &Finished, hidden_name: &str, absent: &Finished, absent_name: &str) {
    let told = |finished: &Finished, name: &str| -> Vec<String> {
        let told = finished.told();
        assert!(told.contains(name), "says nothing of {name}: {told}");
        let lines = told.lines().filter(|line| !line.trim_start().starts_with("Packaged "));
        lines.map(|line| line.replace(name, "[NAME]")).collect()
    };
    assert_eq!(told(hidden, hidden_name), told(absent, absent_name));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_of_each_kind() {
    let stack = Stack::start().await;
    let told = story(&stack).await;
    filters().bind(|| insta::assert_snapshot!("story", told.text()));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_indexes_and_two_download_services() {
    let stack = Stack::builder().indexes(2).downloads(2).start().await;
    let told = story(&stack).await;
    filters().bind(|| insta::assert_snapshot!("story", told.text()));
    stack.stop().await;
}

/// Every command that names a crate, for one that is hidden from the partner and for one that never was.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_fails_for_a_hidden_crate_as_for_one_that_never_was() {
    let stack = Stack::start().await;
    let cast = Cast::new(&stack).await;
    let hidden = workspace(&[("engine-core", "1.0.0", "", ""), ("partner-wire", "1.0.0", "", "")]);
    let ada = cargo(&stack, &cast.ada).token(&cast.ada.secret);
    let publish = ["publish", "--workspace", "--registry", "acme", "--no-verify"];
    let _published = ada.run(hidden.path(), &publish).await.ok();

    // Whoever sees the crate is answered, so that the failures below are due to the view.
    let seeing = app("", "fn main() {}\n");
    let _added = ada.run(seeing.path(), &["add", "--registry", "acme", "engine-core"]).await.ok();

    for name in ["engine-core", "engine_core", "ENGINE-core"] {
        let absent = name.replace("core", "cure");
        let of_hidden = attempts(&stack, &cast, name).await;
        let of_absent = attempts(&stack, &cast, &absent).await;
        for (hidden, never) in of_hidden.iter().zip(&of_absent) {
            assert_same(hidden, name, never, &absent);
        }
    }
    stack.stop().await;
}

/// All the partner can try with a name; each but the search must fail.
async fn attempts(stack: &Stack, cast: &Cast, name: &str) -> Vec<Finished> {
    let partner = cargo(stack, &cast.partner).token(&cast.partner.secret);
    let empty = app("", "fn main() {}\n");
    let needing = app(&format!("{name} = {{ version = \"1\", registry = \"acme\" }}"), "fn main() {}\n");
    let own = Package::new(&library(name, "1.0.0", ""), &[("src/lib.rs", "")]);
    let exact = format!("{name}@1.0.0");
    let at = empty.path();
    let commands: [(&Path, &[&str]); 11] = [
        (at, &["add", "--registry", "acme", name]),
        (at, &["add", "--registry", "acme", &exact]),
        (at, &["info", "--registry", "acme", name]),
        (at, &["info", "--registry", "acme", &exact]),
        (at, &["owner", "--registry", "acme", "--list", name]),
        (at, &["owner", "--registry", "acme", "--add", "ada", name]),
        (at, &["owner", "--registry", "acme", "--remove", "ada", name]),
        (at, &["yank", "--registry", "acme", &exact]),
        (at, &["yank", "--registry", "acme", "--undo", &exact]),
        (needing.path(), &["build"]),
        (own.path(), &["publish", "--registry", "acme", "--no-verify"]),
    ];
    let mut finished = Vec::new();
    for (directory, arguments) in commands {
        finished.push(partner.run(directory, arguments).await.fails());
    }
    let found = partner.run(at, &["search", "--registry", "acme", name]).await.ok();
    assert_eq!((found.stdout.as_str(), found.told().contains("partner-wire")), ("", false));
    finished
}
