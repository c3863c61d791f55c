//! Cargo publishes to an index and an API that are both plain directories: with a `file:` API address it writes the
//! publish body to a file.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use wharf_cargo_wire::{
    DependencyKind, DependencyRegistry, FrameLimits, OwnIndexUrls, PublishFrame, PublishLimits, PublishMetadata,
    Submission,
};
use wharf_domain::Timestamp;

const MANIFEST: &str = r#"
[package]
name = "Real_Crate"
version = "1.2.3-rc.1+build.7"
edition = "2021"
rust-version = "1.65"
description = "A crate"
license = "MIT"
homepage = "https://example.test/"
readme = "README.md"
keywords = ["one", "two"]
links = "thing"
build = "build.rs"
authors = ["Ann <ann@example.test>"]

[dependencies]
ours = { version = "0.1", registry = "own", features = ["extra"] }
theirs = { version = "2", registry = "other" }
renamed = { package = "Public-One", version = ">= 1.0, <2", optional = true, default-features = false, features = ["b", "a"] }

[build-dependencies]
public-two = "1.*"

[dev-dependencies]
public-two = { version = "=1.0.0", features = ["x"] }
local = { path = "local" }

[target.'cfg(any(target_os="linux",windows,))'.dependencies]
public-three = "0.3"

[target.x86_64-unknown-linux-gnu.dependencies]
ours-too = { package = "ours", version = "0.1.0", registry = "own" }

[features]
default = []
fast = ["dep:renamed", "renamed?/a", "public-three/y"]
plain = ["ours/extra"]

[workspace]
"#;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn ran(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn line(name: &str, vers: &str, features: &str) -> String {
    format!(
        r#"{{"name":"{name}","vers":"{vers}","deps":[],"cksum":"{}","features":{features},"yanked":false}}"#,
        "0".repeat(64)
    ) + "\n"
}

fn index(root: &Path, config: &str, files: &[(&str, String)]) {
    write(&root.join("config.json"), config);
    for (path, text) in files {
        write(&root.join(path), text);
    }
    let git = |arguments: &[&str]| {
        ran(Command::new("git")
            .current_dir(root)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.test"])
            .args(arguments));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "index"]);
}

/// The body cargo sends for the package above, and the URLs of the two registries it knows.
fn upload(root: &Path) -> (Vec<u8>, String, String) {
    let (own, other, public) = (root.join("own"), root.join("other"), root.join("public"));
    let api = root.join("api");
    fs::create_dir_all(api.join("api/v1/crates")).unwrap();
    let config = format!(r#"{{"dl":"{0}/dl","api":"{0}"}}"#, file_url(&api));
    index(&own, &config, &[("ou/rs/ours", line("ours", "0.1.5", r#"{"extra":[]}"#))]);
    index(&other, r#"{"dl":"file:///nowhere"}"#, &[("th/ei/theirs", line("theirs", "2.1.0", "{}"))]);
    // A local registry stands in for crates.io: resolution needs nothing but its index.
    write(&public.join("index/pu/bl/public-one"), &line("Public-One", "1.4.0", r#"{"a":[],"b":[]}"#));
    write(&public.join("index/pu/bl/public-two"), &line("public-two", "1.0.0", r#"{"x":[]}"#));
    write(&public.join("index/pu/bl/public-three"), &line("public-three", "0.3.0", r#"{"y":[]}"#));

    let home = root.join("home");
    let (own, other) = (file_url(&own), file_url(&other));
    write(
        &home.join("config.toml"),
        &format!(
            "[registries.own]\nindex = \"{own}\"\n[registries.other]\nindex = \"{other}\"\n\
             [source.crates-io]\nreplace-with = \"public\"\n[source.public]\nlocal-registry = \"{}\"\n",
            public.display()
        ),
    );
    let krate = root.join("crate");
    write(&krate.join("Cargo.toml"), MANIFEST);
    write(&krate.join("README.md"), "# Real");
    write(&krate.join("build.rs"), "fn main() {}");
    write(&krate.join("src/lib.rs"), "//! A crate.");
    write(&krate.join(format!("src/{}/{}.rs", "d".repeat(60), "f".repeat(60))), "");
    write(&krate.join("local/Cargo.toml"), "[package]\nname = \"local\"\nversion = \"0.0.0\"\n");
    write(&krate.join("local/src/lib.rs"), "");

    // Cargo would wait a minute for the version to appear in the index; only its unstable switch turns that off.
    ran(Command::new(env!("CARGO"))
        .current_dir(&krate)
        .env_clear()
        .envs(
            std::env::vars().filter(|(key, _)| {
                matches!(key.as_str(), "PATH" | "RUSTUP_HOME" | "RUSTUP_TOOLCHAIN" | "HOME" | "RUSTC")
            }),
        )
        .env("CARGO_HOME", &home)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_PUBLISH_TIMEOUT", "0")
        .args(["-Zpublish-timeout", "publish", "--registry", "own", "--token", "t", "--no-verify", "--allow-dirty"]));
    (fs::read(api.join("api/v1/crates/new")).unwrap(), own, other)
}

#[test]
fn what_cargo_uploads_passes_and_means_what_the_author_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let (body, own, other) = upload(directory.path());
    let frame = PublishFrame::parse(&body.into(), &FrameLimits::default()).unwrap();
    let metadata = PublishMetadata::parse(&frame.metadata).unwrap();
    assert_eq!(metadata.description.as_deref(), Some("A crate"));
    assert_eq!(metadata.readme.as_deref(), Some("# Real"));
    let urls = OwnIndexUrls::new([own]);
    let submission = Submission::check(metadata.clone(), &frame.archive, &urls, &PublishLimits::default()).unwrap();
    // Cargo.toml, its original, Cargo.lock, README, build.rs and two sources; no version control here to tell of.
    assert_eq!(submission.file_count, 7);

    use DependencyKind::{Build, Dev, Normal};
    let deps: Vec<_> = submission
        .deps
        .iter()
        .map(|d| (d.kind, d.alias.as_str(), d.name.as_str(), d.req.as_str(), d.target.as_deref(), d.registry.clone()))
        .collect();
    let (ours, public) = (DependencyRegistry::Own, DependencyRegistry::CratesIo);
    assert_eq!(
        deps,
        [
            (Normal, "ours", "ours", "^0.1", None, ours.clone()),
            (Normal, "renamed", "Public-One", ">=1.0, <2", None, public.clone()),
            (Normal, "theirs", "theirs", "^2", None, DependencyRegistry::Other(other)),
            (Build, "public-two", "public-two", "1.*", None, public.clone()),
            (Dev, "public-two", "public-two", "=1.0.0", None, public.clone()),
            (Normal, "public-three", "public-three", "^0.3", Some("cfg(any(target_os = \"linux\", windows))"), public),
            (Normal, "ours-too", "ours", "^0.1.0", Some("x86_64-unknown-linux-gnu"), ours),
        ]
    );

    let line = submission.index_line(Timestamp::from_unix(0)).render();
    let version: crates_index::Version = serde_json::from_str(&line).unwrap();
    assert_eq!((version.name(), version.version()), ("Real_Crate", "1.2.3-rc.1+build.7"));
    assert_eq!((version.links(), version.rust_version()), (Some("thing"), Some("1.65")));
    assert!(line.contains(r#""features":{"default":[],"plain":["ours/extra"]}"#), "{line}");
    assert!(line.contains(r#""features2":{"fast":["dep:renamed","renamed?/a","public-three/y"]},"v":2"#), "{line}");

    // The same upload to a registry that does not know the address as its own: the two sources no longer agree.
    assert!(Submission::check(metadata, &frame.archive, &OwnIndexUrls::default(), &PublishLimits::default()).is_err());
}
