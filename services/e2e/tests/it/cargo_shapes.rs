//! Every shape a manifest can have: published by real cargo, then resolved and built by real cargo elsewhere. And what a
//! publisher reads when a shape is refused.

use crate::cargo_story::{app, cargo, filters, library, workspace};
use serde_json::json;
use wharf_testkit::cargo::Package;
use wharf_testkit::{Stack, Token};

const PUBLISH: [&str; 4] = ["publish", "--workspace", "--registry", "acme"];

async fn publish(stack: &Stack, token: &Token, package: &Package) {
    let _published = cargo(stack, token).token(&token.secret).run(package.path(), &PUBLISH).await.ok();
}

/// A workspace with one member, further files of which can be added.
fn single(name: &str, version: &str, lines: &str, source: &str) -> Package {
    Package::new(&format!("{}\n[workspace]\n", library(name, version, lines)), &[("src/lib.rs", source)])
}

fn shapes() -> Package {
    let near = |name: &str| format!("version = \"1\", path = \"../{name}\", registry = \"acme\"");
    let all = format!(
        "rust-version = \"1.77\"\n\n\
         [features]\ndefault = [\"plain\"]\nplain = []\nextra = [\"dep:shape-opt\"]\nloud = [\"base/loud\", \"shape-opt?/loud\"]\n\n\
         [dependencies]\nbase = {{ package = \"shape-base\", default-features = false, {} }}\n\
         shape-opt = {{ optional = true, {} }}\nshape-sys = {{ {} }}\n\n\
         [target.'cfg(unix)'.dependencies]\nshape-unix = {{ {} }}\n\n\
         [target.'cfg(not(unix))'.dependencies]\nshape-broken = {{ {} }}\n\n\
         [build-dependencies]\nshape-build = {{ {} }}\n\n\
         [dev-dependencies]\nbench = {{ package = \"shape-opt\", {} }}\n",
        near("shape-base"),
        near("shape-opt"),
        near("shape-sys"),
        near("shape-unix"),
        near("shape-broken"),
        near("shape-build"),
        near("shape-opt"),
    );
    let loud = "pub const VOICE: &str = if cfg!(feature = \"loud\") { \"loud\" } else { \"quiet\" };\n";
    let source = "pub fn report() -> String {\n    \
                  #[cfg(feature = \"extra\")]\n    let opt = shape_opt::VOICE;\n    \
                  #[cfg(not(feature = \"extra\"))]\n    let opt = \"absent\";\n    \
                  format!(\n        \"base {} {}, opt {opt}, plain {}, unix {}, built with {}, sys {}\",\n        \
                  base::VOICE, base::TRIMMED, cfg!(feature = \"plain\"), shape_unix::IS, env!(\"BUILT_WITH\"), env!(\"SYS\"),\n    )\n}\n";
    let package = workspace(&[
        (
            "shape-base",
            "1.0.0",
            "[features]\ndefault = [\"fat\"]\nfat = []\nloud = []",
            &format!(
                "{loud}pub const TRIMMED: &str = if cfg!(feature = \"fat\") {{ \"fat\" }} else {{ \"trimmed\" }};\n"
            ),
        ),
        ("shape-opt", "1.0.0", "[features]\nloud = []", loud),
        ("shape-sys", "1.0.0", "links = \"shape\"", ""),
        ("shape-unix", "1.0.0", "", "pub const IS: bool = true;\n"),
        ("shape-broken", "1.0.0", "", "#[cfg(unix)]\ncompile_error!(\"not for this target\");\n"),
        ("shape-build", "1.0.0", "", "pub const TOOL: &str = \"shape-build\";\n"),
        ("shape-all", "1.0.0", &all, source),
    ]);
    package.write("shape-sys/build.rs", "fn main() {\n    println!(\"cargo::metadata=answer=42\");\n}\n");
    package.write(
        "shape-all/build.rs",
        "fn main() {\n    println!(\"cargo::rustc-env=BUILT_WITH={}\", shape_build::TOOL);\n    \
         println!(\"cargo::rustc-env=SYS={}\", std::env::var(\"DEP_SHAPE_ANSWER\").unwrap());\n}\n",
    );
    package
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_optional_target_build_and_linked_dependencies() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let cargo = || cargo(&stack, &org.owner).token(&org.owner.secret);
    let package = shapes();
    // What only another target needs does not build here.
    let foreign = ["publish", "-p", "shape-broken", "--registry", "acme", "--no-verify"];
    let _published = cargo().run(package.path(), &foreign).await.ok();
    let rest: Vec<&str> = PUBLISH.into_iter().chain(["--exclude", "shape-broken"]).collect();
    let _published = cargo().run(package.path(), &rest).await.ok();

    let main = "fn main() {\n    println!(\"{}\", shape_all::report());\n}\n";
    let mut told = String::new();
    for options in [
        "",
        "features = [\"extra\"]",
        "features = [\"loud\"]",
        "default-features = false, features = [\"extra\", \"loud\"]",
    ] {
        let rest = if options.is_empty() { String::new() } else { format!(", {options}") };
        let app = app(&format!("shape-all = {{ version = \"1\", registry = \"acme\"{rest} }}"), main);
        let ran = cargo().run(app.path(), &["run", "--quiet"]).await.ok();
        told += &format!("{{ {options} }}\n  {}", ran.stdout);
    }
    insta::assert_snapshot!(told, @r#"
    {  }
      base quiet trimmed, opt absent, plain true, unix true, built with shape-build, sys 42
    { features = ["extra"] }
      base quiet trimmed, opt quiet, plain true, unix true, built with shape-build, sys 42
    { features = ["loud"] }
      base loud trimmed, opt absent, plain true, unix true, built with shape-build, sys 42
    { default-features = false, features = ["extra", "loud"] }
      base loud trimmed, opt loud, plain false, unix true, built with shape-build, sys 42
    "#);

    // Every dependency is found for every target, but for the dev-dependencies, which are nobody else's.
    let app = app("shape-all = { version = \"1\", registry = \"acme\", features = [\"extra\"] }", main);
    let tree = cargo().run(app.path(), &["tree", "--target", "all", "--prefix", "depth"]).await.ok();
    filters().bind(|| insta::assert_snapshot!("tree", tree.stdout));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_native_library_cannot_be_linked_twice() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    for name in ["one-sys", "other-sys"] {
        let package = single(name, "1.0.0", "links = \"shape\"", "");
        package.write("build.rs", "fn main() {}\n");
        publish(&stack, &org.owner, &package).await;
    }
    let both =
        "one-sys = { version = \"1\", registry = \"acme\" }\nother-sys = { version = \"1\", registry = \"acme\" }";
    let app = app(both, "fn main() {}\n");
    let cargo = cargo(&stack, &org.owner).token(&org.owner.secret);
    let refused = cargo.run(app.path(), &["generate-lockfile"]).await.fails();
    assert!(refused.stderr.contains("links to the native library `shape`"), "{}", refused.stderr);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_rust_is_given_the_version_made_for_it() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    for (version, rust) in [("1.0.0", "1.60"), ("1.1.0", "1.90.0")] {
        let lines = format!("rust-version = \"{rust}\"");
        publish(&stack, &org.owner, &single("shaped", version, &lines, "")).await;
    }
    for (rust, version) in [("1.70", "1.0.0"), ("1.90", "1.1.0")] {
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\nresolver = \"3\"\nrust-version = \"{rust}\"\n\n\
             [dependencies]\nshaped = {{ version = \"1\", registry = \"acme\" }}\n"
        );
        let app = Package::new(&manifest, &[("src/main.rs", "fn main() {}\n")]);
        let cargo = cargo(&stack, &org.owner).token(&org.owner.secret);
        let _built = cargo.run(app.path(), &["build"]).await.ok();
        let lock = app.read("Cargo.lock");
        assert!(lock.contains(&format!("name = \"shaped\"\nversion = \"{version}\"")), "{rust}: {lock}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_length_case_and_separator() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let cargo = || cargo(&stack, &org.owner).token(&org.owner.secret);
    let names = ["a", "bc", "Def", "dash-ed", "under_scored", "Both_of-them", "UPPER", "x2-y3_z4"];
    let members = names.map(|name| (name, "1.0.0", "", "pub const IS: &str = env!(\"CARGO_PKG_NAME\");\n"));
    publish(&stack, &org.owner, &workspace(&members)).await;

    let needs = names.map(|name| format!("{name} = {{ version = \"1\", registry = \"acme\" }}")).join("\n");
    let parts = names.map(|name| format!("{}::IS", name.replace('-', "_"))).join(", ");
    let main = format!("fn main() {{\n    println!(\"{{}}\", [{parts}].join(\" \"));\n}}\n");
    let app = app(&needs, &main);
    let ran = cargo().run(app.path(), &["run", "--quiet"]).await.ok();
    assert_eq!(ran.stdout.trim_end(), names.join(" "));

    // A name in another spelling is not another name: cargo finds the first, and nobody can publish the second.
    let mut told = String::new();
    let empty = self::app("", "fn main() {}\n");
    for spelling in ["dash_ed", "under-scored", "upper"] {
        let cargo = cargo().filter(empty.path().to_str().unwrap(), "~/app");
        let added = cargo.run(empty.path(), &["add", "--dry-run", "--registry", "acme", spelling]).await;
        told += &format!("$ cargo add --registry acme {spelling}\n{}\n", added.told());
        let package = single(spelling, "2.0.0", "", "");
        let cargo = cargo.filter(package.path().to_str().unwrap(), "~/copy");
        let refused = cargo.run(package.path(), &["publish", "--registry", "acme", "--no-verify"]).await.fails();
        told += &format!("$ cargo publish --registry acme # {spelling}\n{}\n", refused.told());
    }
    filters().bind(|| insta::assert_snapshot!("spellings", told));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_with_build_metadata() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let cargo = || cargo(&stack, &org.owner).token(&org.owner.secret);
    let source = "pub const IS: &str = env!(\"CARGO_PKG_VERSION\");\n";
    for version in ["1.0.0+build.5", "1.1.0-rc.1+build.7", "2.0.0+sys-0.9-x"] {
        publish(&stack, &org.owner, &single("built", version, "", source)).await;
    }
    for (wanted, version) in [("1", "1.0.0+build.5"), ("=1.1.0-rc.1", "1.1.0-rc.1+build.7"), ("2", "2.0.0+sys-0.9-x")] {
        let app = app(
            &format!("built = {{ version = \"{wanted}\", registry = \"acme\" }}"),
            "fn main() {\n    println!(\"{}\", built::IS);\n}\n",
        );
        assert_eq!(cargo().run(app.path(), &["run", "--quiet"]).await.ok().stdout.trim_end(), version);
        assert!(app.read("Cargo.lock").contains(&format!("version = \"{version}\"")));
    }

    // What follows the `+` makes no other version.
    let package = single("built", "1.0.0+build.6", "", source);
    let cargo = cargo().filter(package.path().to_str().unwrap(), "~/built");
    let refused = cargo.run(package.path(), &["publish", "--registry", "acme"]).await.fails();
    filters().bind(|| insta::assert_snapshot!("build_metadata", refused.told()));
    let _yanked = cargo.run(package.path(), &["yank", "--registry", "acme", "built@1.0.0+build.5"]).await.ok();
    let index = org.owner.index("built").await.expect(200).text();
    let yanked = index.lines().filter(|line| line.contains("\"yanked\":true")).count();
    assert_eq!((index.lines().count(), yanked), (3, 1), "{index}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_on_crates_io_and_on_another_registry() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let tools = org.add_registry("tools", &json!({})).await;
    let allowed = json!({ "allowed_registries": [tools.sparse()] });
    let _set = org.manage("PATCH", "/registries/private", &allowed).await.expect(200);
    let strict = org.add_registry("strict", &json!({ "crates_io_allowed": false })).await;

    let with_tools = |token: &Token| {
        cargo(&stack, token)
            .token(&token.secret)
            .configure(&format!("[registries.tools]\nindex = \"{}\"", tools.sparse()))
            .env("CARGO_REGISTRIES_TOOLS_TOKEN", &tools.secret)
            .env("CARGO_NET_RETRY", "3")
    };
    publish(&stack, &tools, &single("tool", "1.0.0", "", "pub const NAME: &str = \"tool\";\n")).await;
    let both = "[dependencies]\ntool = { version = \"1\", registry = \"tools\" }\nnumber = { package = \"itoa\", version = \"1\" }\n";
    let source = "pub fn show() -> String {\n    format!(\"{} {}\", tool::NAME, number::Buffer::new().format(42))\n}\n";
    let user = single("user", "1.0.0", both, source);
    let _published = with_tools(&org.owner).run(user.path(), &PUBLISH).await.ok();

    // The consumer names neither; where they come from stands in the index.
    let app =
        app("user = { version = \"1\", registry = \"acme\" }", "fn main() {\n    println!(\"{}\", user::show());\n}\n");
    let ran = with_tools(&org.owner).run(app.path(), &["run", "--quiet"]).await.ok();
    assert_eq!(ran.stdout, "tool 42\n");

    let mut told = String::new();
    for (which, dependency) in [
        ("another registry", "tool = { version = \"1\", registry = \"tools\" }"),
        ("crates.io", "number = { package = \"itoa\", version = \"1\" }"),
    ] {
        let package = single("user", "1.0.0", &format!("[dependencies]\n{dependency}"), "");
        let cargo = with_tools(&strict).filter(package.path().to_str().unwrap(), "~/user");
        let refused = cargo.run(package.path(), &["publish", "--registry", "acme", "--no-verify"]).await.fails();
        let said = refused.stderr.lines().skip_while(|line| !line.starts_with("error:"));
        told += &format!("# {which}\n{}\n\n", said.collect::<Vec<_>>().join("\n"));
    }
    filters().bind(|| insta::assert_snapshot!("refused_registries", told));
    assert_eq!(strict.index("user").await.status, 404);
    stack.stop().await;
}
