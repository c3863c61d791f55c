//! Changes of `Cargo.toml`.

use super::Reasons;
use super::changes::{Change, Step};
use toml::{Table, Value};

const DEPENDENCY: Reasons = &["disagree about the dependency"];
const UNREADABLE: Reasons = &["Cargo.toml inside the package cannot be read"];
const LOCAL: Reasons = &["which removes it"];
const INHERITED: Reasons = &["is inherited from a workspace"];

/// Adds what a text says, over what is there.
fn merge(table: &mut Table, text: &str) {
    fn over(table: &mut Table, more: Table) {
        for (key, value) in more {
            match (table.get_mut(&key), value) {
                (Some(Value::Table(inner)), Value::Table(more)) => over(inner, more),
                (_, value) => drop(table.insert(key, value)),
            }
        }
    }
    over(table, text.parse().expect("the changes are TOML"));
}

macro_rules! merged {
    ($name:literal, $reasons:expr, $($text:literal),+) => {
        Change::new($name, $reasons, Step::Manifest(|table, chance| merge(table, *chance.pick::<&str>(&[$($text),+]))))
    };
}

pub(super) const TABLES: &[Change] = &[
    merged!(
        "another name",
        &["the upload says name"],
        "package.name = 'other'",
        "package.name = ''",
        "package.name = \"a\\u0000\""
    ),
    merged!("another version", &["the upload says version"], "package.version = '99.0.0'", "package.version = 'x'"),
    Change::new(
        "the name in another case",
        &["the upload says name"],
        Step::Manifest(|table, _| {
            let name = table["package"]["name"].as_str().unwrap_or_default();
            let other = if name.contains(char::is_uppercase) { name.to_lowercase() } else { name.to_uppercase() };
            merge(table, &format!("package.name = '{other}'"));
        }),
    ),
    Change::new("no package", &["has no `package`"], Step::Manifest(|table, _| drop(table.remove("package")))),
    Change::new(
        "a package that is a text",
        &["is not a table"],
        Step::Manifest(|table, _| drop(table.insert("package".into(), "x".into()))),
    ),
    merged!("a name that is a number", &["is not a string"], "package.name = 1", "package.version = 1.0"),
    merged!("[patch]", &["[patch] table"], "[patch.crates-io]\na = '1'"),
    merged!("[replace]", &["[replace] table"], "[replace]\n'a:1.0.0' = { git = 'https://g.example' }"),
    merged!(
        "an inherited field",
        INHERITED,
        "package.description.workspace = true",
        "package.authors.workspace = true",
        "[lints]\nworkspace = true"
    ),
    merged!("an inherited dependency", INHERITED, "dependencies.more = { workspace = true }"),
    merged!(
        "a dependency by path",
        LOCAL,
        "dependencies.more = { version = '1', path = '../more' }",
        "[target.'cfg(unix)'.build-dependencies]\nmore = { path = '/etc' }"
    ),
    merged!(
        "a dependency from git",
        LOCAL,
        "dependencies.more = { version = '1', git = 'https://g.example/more' }",
        "dev-dependencies.more = { git = 'https://g.example/more' }"
    ),
    merged!(
        "a dependency by the name of a registry",
        LOCAL,
        "dependencies.more = { version = '1', registry = 'other' }"
    ),
    merged!(
        "an artifact dependency",
        &["is an artifact dependency"],
        "dependencies.more = { version = '1', artifact = 'bin' }"
    ),
    merged!(
        "one dependency more",
        DEPENDENCY,
        "dependencies.more = '1'",
        "[target.'cfg(windows)'.dependencies]\nmore = '*'",
        "dev-dependencies.more = { version = '1', features = ['x'] }"
    ),
    merged!(
        "a dependency with an odd requirement",
        &["is not a version requirement"],
        "dependencies.more = 'latest'",
        "dependencies.more = '1..2'"
    ),
    merged!(
        "a dependency of an odd type",
        &["is not a version or a table"],
        "dependencies.more = 1",
        "dependencies.more = ['1']"
    ),
    merged!(
        "a dependency of an odd name",
        &["holds characters that are not allowed"],
        "dependencies.'a/b' = '1'",
        "dependencies.'9a' = '1'"
    ),
    merged!(
        "a dependency on an odd name",
        &["is not the name of a crate"],
        "dependencies.more = { version = '1', package = '../x' }"
    ),
    merged!(
        "a dependency for an odd target",
        &["neither a target triple"],
        "[target.'cfg(x'.dependencies]\nmore = '1'",
        "[target.'a b'.dependencies]\nmore = '1'"
    ),
    merged!(
        "a dependency by an address with a password",
        &["is not a plain URL"],
        "dependencies.more = { version = '1', registry-index = 'https://u:p@h.example/' }"
    ),
    merged!(
        "a switch that is a text",
        &["is not true or false"],
        "dependencies.more = { version = '1', optional = 'yes' }"
    ),
    merged!(
        "a switch in two spellings",
        &["both spellings"],
        "dependencies.more = { version = '1', default-features = true, default_features = false }"
    ),
    merged!(
        "an odd feature",
        &["is not a feature name"],
        "features.'a b' = []",
        "features.'a/b' = []",
        "features.x = ['a b']",
        "features.x = ['dep:a b']",
        "features.x = ['a/b/c']"
    ),
    merged!("a feature that is no list", &["is not a list of strings"], "features.x = 'y'", "features.x = [1]"),
    Change::new(
        "too many features",
        &["features; at most 300 are allowed"],
        Step::Manifest(|table, _| {
            merge(table, &(0..301).map(|number| format!("features.g{number} = []\n")).collect::<String>());
        }),
    ),
    Change::new(
        "too long a feature",
        &["lists more than 300 features"],
        Step::Manifest(|table, _| {
            merge(table, &format!("features.x = [{}]", "'y',".repeat(301)));
        }),
    ),
    Change::new(
        "too many dependencies",
        &["there are 501 dependencies"],
        Step::Manifest(|table, _| {
            merge(table, &(0..501).map(|number| format!("dependencies.e{number} = '1'\n")).collect::<String>());
        }),
    ),
    merged!(
        "an odd rust-version",
        &["is not a Rust version"],
        "package.rust-version = '^1.70'",
        "package.rust-version = '1.70.0-nightly'",
        "package.rust-version = ''",
        "package.rust-version = '1.070'"
    ),
    merged!("odd links", &["is not the name of a native library"], "package.links = ''", "package.links = 'a b'"),
    merged!(
        "tables that decide nothing",
        &[],
        "[profile.release]\nlto = true",
        "[badges.x]\ny = 'z'",
        "[[bin]]\nname = 'b'\npath = 'src/lib.rs'",
        "[workspace]",
        "[lints.rust]\nunsafe_code = 'forbid'"
    ),
    merged!(
        "a target without dependencies",
        &[],
        "[target.'cfg(unix)']\n",
        "[target.wasm32-unknown-unknown.dependencies]"
    ),
    merged!("a development dependency that is not published", &[], "dev-dependencies.more = { features = ['x'] }"),
    Change::new(
        "old spellings",
        &[],
        Step::Manifest(|table, _| {
            for (new, old) in [("build-dependencies", "build_dependencies"), ("dev-dependencies", "dev_dependencies")] {
                if let Some(value) = table.remove(new) {
                    table.insert(old.to_owned(), value);
                }
            }
        }),
    ),
];

pub(super) const TEXTS: &[Change] = &[
    Change::new(
        "no TOML",
        UNREADABLE,
        Step::ManifestText(|text, chance| {
            text.extend(*chance.pick(&[&b"\n["[..], b"\nx = ", b"\n= 1", b"\nx = 'a\nb'", b"\n\x01"]))
        }),
    ),
    Change::new("a table twice", UNREADABLE, Step::ManifestText(|text, _| text.extend(b"\n[package]\n"))),
    Change::new("a key twice", UNREADABLE, Step::ManifestText(|text, _| text.extend(b"\n[zz]\na = 1\na = 2\n"))),
    Change::new("a NUL", UNREADABLE, Step::ManifestText(|text, _| text.extend(b"\n# \0\n"))),
    Change::new(
        "very deep",
        UNREADABLE,
        Step::ManifestText(|text, _| text.extend(format!("\n[zz]\na = {}", "[".repeat(5000)).bytes())),
    ),
    Change::new("a stray byte", &["is not UTF-8 text"], Step::ManifestText(|text, _| text.extend(b"\n# \xff\n"))),
    Change::new(
        "above 1 MiB",
        &["at most 1048576 are allowed"],
        Step::ManifestText(|text, _| text.resize((1 << 20) + 1, b'\n')),
    ),
    Change::new("comments", &[], Step::ManifestText(|text, _| text.extend("\n# \u{e9} [patch.crates-io]\n".bytes()))),
    Change::new("1 MiB", &[], Step::ManifestText(|text, _| text.resize(1 << 20, b'\n'))),
    Change::new(
        "line ends of Windows",
        &[],
        Step::ManifestText(|text, _| {
            *text = String::from_utf8_lossy(text).replace('\n', "\r\n").into_bytes();
        }),
    ),
];
