//! The normalised `Cargo.toml` inside a package: the source of everything that decides how a crate resolves.
//!
//! Reads only what cargo itself writes when it packages: a manifest with `[patch]`, inherited fields, or path and git
//! dependencies was not written by `cargo package` and is refused. Never touches a file.

use crate::dependency::{
    DEPENDENCIES_MAX, Dependency, DependencyError, DependencyKind, DependencyRegistry, FEATURES_MAX, OwnIndexUrls,
    Written, check_feature_entry, check_feature_name, shorten,
};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Why the `Cargo.toml` inside a package is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML.
    #[error("Cargo.toml inside the package cannot be read: {0}; package it again with `cargo publish`")]
    Toml(String),
    /// A required key is missing.
    #[error("Cargo.toml inside the package has no `{0}`; package it again with `cargo publish`")]
    Missing(&'static str),
    /// A key holds a value of another type.
    #[error("`{key}` in Cargo.toml inside the package is not {wanted}; package it again with `cargo publish`")]
    Type {
        /// The key.
        key: String,
        /// What should stand there.
        wanted: &'static str,
    },
    /// A table that has no meaning in a published crate.
    #[error(
        "Cargo.toml inside the package has a [{0}] table, which only works in a workspace; package it with `cargo publish`"
    )]
    Table(&'static str),
    /// A field inherited from a workspace that is not in the package.
    #[error(
        "`{0}` in Cargo.toml inside the package is inherited from a workspace; package it with `cargo publish`, which writes the value out"
    )]
    Inherited(String),
    /// A dependency by path, git, or registry name, which means nothing on another machine.
    #[error(
        "the dependency `{alias}` in Cargo.toml inside the package uses `{key}`; package it with `cargo publish`, which removes it"
    )]
    Local {
        /// Name in `Cargo.toml`.
        alias: String,
        /// The key.
        key: &'static str,
    },
    /// `rust-version` is not a bare version.
    #[error("`rust-version = \"{0}\"` in Cargo.toml is not a Rust version; write it like \"1.85\"")]
    RustVersion(String),
    /// `links` holds characters no library name has.
    #[error("`links` in Cargo.toml is not the name of a native library; use at most 128 visible ASCII characters")]
    Links,
    /// A dependency or feature breaks a rule.
    #[error("Cargo.toml inside the package: {0}")]
    Dependency(#[from] DependencyError),
}

/// What a `Cargo.toml` says about resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Package name, unchecked: it has to equal the one in the JSON head.
    pub name: String,
    /// Package version, unchecked: it has to equal the one in the JSON head.
    pub version: String,
    /// Dependencies of every kind and target.
    pub deps: Vec<Dependency>,
    /// Features.
    pub features: BTreeMap<String, Vec<String>>,
    /// Native library.
    pub links: Option<String>,
    /// Minimum Rust version, one to three numbers.
    pub rust_version: Option<String>,
}

impl Manifest {
    /// Reads a manifest as cargo writes it into packages.
    pub fn parse(text: &str, own: &OwnIndexUrls) -> Result<Self, ManifestError> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| ManifestError::Toml(shorten(error.message())))?;
        for forbidden in ["patch", "replace"] {
            if table.contains_key(forbidden) {
                return Err(ManifestError::Table(forbidden));
            }
        }
        let package = child(&table, "package")?.ok_or(ManifestError::Missing("package"))?;
        for (key, value) in package {
            refuse_inherited(key, value)?;
        }
        if let Some(lints) = table.get("lints") {
            refuse_inherited("lints", lints)?;
        }
        Ok(Self {
            name: string(package, "name")?.ok_or(ManifestError::Missing("package.name"))?.to_owned(),
            version: string(package, "version")?.ok_or(ManifestError::Missing("package.version"))?.to_owned(),
            deps: dependencies(&table, own)?,
            features: features(&table)?,
            links: links(package)?,
            rust_version: rust_version(package)?,
        })
    }
}

fn refuse_inherited(key: &str, value: &Value) -> Result<(), ManifestError> {
    match value {
        Value::Table(table) if table.contains_key("workspace") => Err(ManifestError::Inherited(shorten(key))),
        _ => Ok(()),
    }
}

fn wrong(key: &str, wanted: &'static str) -> ManifestError {
    ManifestError::Type { key: shorten(key), wanted }
}

fn child<'a>(table: &'a Table, key: &str) -> Result<Option<&'a Table>, ManifestError> {
    table.get(key).map(|value| value.as_table().ok_or_else(|| wrong(key, "a table"))).transpose()
}

fn string<'a>(table: &'a Table, key: &str) -> Result<Option<&'a str>, ManifestError> {
    table.get(key).map(|value| value.as_str().ok_or_else(|| wrong(key, "a string"))).transpose()
}

fn flag(table: &Table, key: &str) -> Result<Option<bool>, ManifestError> {
    table.get(key).map(|value| value.as_bool().ok_or_else(|| wrong(key, "true or false"))).transpose()
}

fn strings(key: &str, value: &Value) -> Result<Vec<String>, ManifestError> {
    let not_strings = || wrong(key, "a list of strings");
    let items = value.as_array().ok_or_else(not_strings)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(not_strings)).collect()
}

/// The value under either spelling; both at once are refused, because cargo versions differ in which one they take.
fn either<'a>(
    table: &'a Table,
    dashed: &'static str,
    underscored: &'static str,
) -> Result<Option<&'a Value>, ManifestError> {
    match (table.get(dashed), table.get(underscored)) {
        (Some(_), Some(_)) => Err(wrong(dashed, "written once; it stands there in both spellings")),
        (value, None) | (None, value) => Ok(value),
    }
}

fn dependencies(table: &Table, own: &OwnIndexUrls) -> Result<Vec<Dependency>, ManifestError> {
    let mut deps = Vec::new();
    tables_of_kinds(table, None, own, &mut deps)?;
    if let Some(targets) = child(table, "target")? {
        for (target, value) in targets {
            let table = value.as_table().ok_or_else(|| wrong(target, "a table"))?;
            tables_of_kinds(table, Some(target), own, &mut deps)?;
        }
    }
    Ok(deps)
}

fn tables_of_kinds(
    table: &Table,
    target: Option<&str>,
    own: &OwnIndexUrls,
    deps: &mut Vec<Dependency>,
) -> Result<(), ManifestError> {
    for (kind, key, value) in [
        (DependencyKind::Normal, "dependencies", table.get("dependencies")),
        (DependencyKind::Build, "build-dependencies", either(table, "build-dependencies", "build_dependencies")?),
        (DependencyKind::Dev, "dev-dependencies", either(table, "dev-dependencies", "dev_dependencies")?),
    ] {
        let Some(value) = value else { continue };
        for (alias, value) in value.as_table().ok_or_else(|| wrong(key, "a table"))? {
            deps.extend(dependency(kind, target, alias, value, own)?);
            if deps.len() > DEPENDENCIES_MAX {
                return Err(DependencyError::TooMany(deps.len()).into());
            }
        }
    }
    Ok(())
}

fn dependency(
    kind: DependencyKind,
    target: Option<&str>,
    alias: &str,
    value: &Value,
    own: &OwnIndexUrls,
) -> Result<Option<Dependency>, ManifestError> {
    let empty = Table::new();
    let (table, version) = match value {
        Value::String(version) => (&empty, Some(version.as_str())),
        Value::Table(table) => (table, string(table, "version")?),
        _ => return Err(wrong(alias, "a version or a table")),
    };
    refuse_inherited(alias, value)?;
    if table.contains_key("artifact") {
        return Err(DependencyError::Artifact(shorten(alias)).into());
    }
    for key in ["path", "base", "git", "registry"] {
        if table.contains_key(key) {
            return Err(ManifestError::Local { alias: shorten(alias), key });
        }
    }
    let req = match (version, kind) {
        (Some(req), _) => req,
        // Cargo leaves development dependencies without a version out of what it uploads.
        (None, DependencyKind::Dev) => return Ok(None),
        (None, _) => "*",
    };
    let default_features = match either(table, "default-features", "default_features")? {
        Some(value) => value.as_bool().ok_or_else(|| wrong("default-features", "true or false"))?,
        None => true,
    };
    let written = Written {
        kind,
        target,
        alias,
        name: string(table, "package")?.unwrap_or(alias),
        req,
        features: table.get("features").map_or(Ok(Vec::new()), |value| strings("features", value))?,
        optional: flag(table, "optional")?.unwrap_or(false),
        default_features,
        registry: string(table, "registry-index")?,
        without_registry: DependencyRegistry::CratesIo,
    };
    Ok(Some(Dependency::new(written, own)?))
}

fn features(table: &Table) -> Result<BTreeMap<String, Vec<String>>, ManifestError> {
    let Some(features) = child(table, "features")? else { return Ok(BTreeMap::new()) };
    if features.len() > FEATURES_MAX {
        return Err(DependencyError::TooManyFeatures(features.len()).into());
    }
    let mut read = BTreeMap::new();
    for (name, value) in features {
        check_feature_name(name)?;
        let entries = strings(name, value)?;
        if entries.len() > FEATURES_MAX {
            return Err(DependencyError::FeatureTooLong(shorten(name)).into());
        }
        entries.iter().try_for_each(|entry| check_feature_entry(entry))?;
        read.insert(name.clone(), entries);
    }
    Ok(read)
}

fn links(package: &Table) -> Result<Option<String>, ManifestError> {
    let Some(links) = string(package, "links")? else { return Ok(None) };
    let sound = (1..=128).contains(&links.len()) && links.bytes().all(|b| b.is_ascii_graphic());
    if sound { Ok(Some(links.to_owned())) } else { Err(ManifestError::Links) }
}

/// Cargo reads this from index lines as a partial version and drops lines where it is none.
fn rust_version(package: &Table) -> Result<Option<String>, ManifestError> {
    let Some(text) = string(package, "rust-version")? else { return Ok(None) };
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| {
        (1..=9).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    if parts.len() <= 3 && parts.iter().all(number) {
        Ok(Some(text.to_owned()))
    } else {
        Err(ManifestError::RustVersion(shorten(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "sparse+https://index.test/acme/private/";

    fn parse(text: &str) -> Result<Manifest, ManifestError> {
        let head = "[package]\nname = \"foo\"\nversion = \"1.0.0\"\n";
        Manifest::parse(&format!("{head}{text}"), &OwnIndexUrls::new([OWN]))
    }

    fn shown(dependency: &Dependency) -> String {
        let Dependency { kind, target, alias, name, req, features, optional, default_features, registry } = dependency;
        let registry = match registry {
            DependencyRegistry::Own => "own",
            DependencyRegistry::CratesIo => "crates.io",
            DependencyRegistry::Other(url) => url,
        };
        format!("{kind:?} {target:?} {alias}={name} {req} {features:?} {optional} {default_features} {registry}")
    }

    #[test]
    fn everything_cargo_writes() {
        let manifest = parse(&format!(
            r#"
links = "z"
rust-version = "1.70"
[dependencies.plain]
version = "1"
[dependencies.alias]
version = "0.2.3"
features = ["b", "a"]
optional = true
default-features = false
package = "real"
[dependencies.own]
version = "=1.2.3"
registry-index = "{OWN}"
[dependencies.other]
version = "1"
registry-index = "https://other.test/i"
[build-dependencies]
cc = "1.0"
[dev_dependencies.d]
version = ">= 1, < 3"
default_features = false
[dev-dependencies-x]
[target.'cfg(target_os="linux")'.dependencies.nix]
version = "0.29"
[target."x86_64-pc-windows-msvc".build_dependencies.w]
version = "1.*"
[features]
default = ["std"]
std = []
full = ["dep:alias", "plain?/x", "own/y"]
"#
        ))
        .unwrap();
        let deps: Vec<String> = manifest.deps.iter().map(shown).collect();
        assert_eq!(
            deps,
            [
                r#"Normal None alias=real ^0.2.3 ["b", "a"] true false crates.io"#,
                r#"Normal None other=other ^1 [] false true https://other.test/i"#,
                r#"Normal None own=own =1.2.3 [] false true own"#,
                r#"Normal None plain=plain ^1 [] false true crates.io"#,
                r#"Build None cc=cc ^1.0 [] false true crates.io"#,
                r#"Dev None d=d >=1, <3 [] false false crates.io"#,
                r#"Normal Some("cfg(target_os = \"linux\")") nix=nix ^0.29 [] false true crates.io"#,
                r#"Build Some("x86_64-pc-windows-msvc") w=w 1.* [] false true crates.io"#,
            ]
        );
        assert_eq!(manifest.features["full"], ["dep:alias", "plain?/x", "own/y"]);
        assert_eq!((manifest.links.as_deref(), manifest.rust_version.as_deref()), (Some("z"), Some("1.70")));
    }

    #[test]
    fn refusals() {
        for (text, why) in [
            ("[patch.crates-io]", "[patch] table"),
            ("[replace]", "[replace] table"),
            ("edition.workspace = true", "`edition` in Cargo.toml inside the package is inherited"),
            ("description = { workspace = true }", "inherited"),
            ("[lints]\nworkspace = true", "inherited"),
            ("[dependencies]\na = { workspace = true }", "inherited"),
            ("[dependencies]\na = { version = \"1\", path = \"../a\" }", "`path`"),
            ("[dependencies]\na = { version = \"1\", git = \"https://g.test\" }", "`git`"),
            ("[dependencies]\na = { version = \"1\", registry = \"own\" }", "`registry`"),
            ("[dependencies]\na = { version = \"1\", artifact = \"bin\" }", "artifact"),
            ("[dependencies]\na = 1", "a version or a table"),
            ("[dependencies]\na = { version = 1 }", "a string"),
            ("[dependencies]\na = { version = \"1\", optional = \"yes\" }", "true or false"),
            (
                "[dependencies]\na = { version = \"1\", default-features = true, default_features = false }",
                "both spellings",
            ),
            ("[dev-dependencies]\n[dev_dependencies]", "both spellings"),
            ("[dependencies]\na = \"one\"", "not a version requirement"),
            ("[dependencies]\n\"a b\" = \"1\"", "not allowed"),
            ("[dependencies]\na = \"1\"\na = \"2\"", "cannot be read"),
            ("[target.\"cfg(\".dependencies]\na = \"1\"", "neither a target triple"),
            ("[features]\nf = [\"a b\"]", "not a feature name"),
            ("[features]\n\"f/g\" = []", "not a feature name"),
            ("[features]\nf = \"a\"", "a list of strings"),
            ("rust-version = \"^1.60\"", "not a Rust version"),
            ("rust-version = \"1.60.0-beta\"", "not a Rust version"),
            ("rust-version = \"1.060\"", "not a Rust version"),
            ("links = \"\"", "native library"),
            ("links = \"a\\u0000\"", "native library"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let own = OwnIndexUrls::default();
        assert_eq!(Manifest::parse("[lib]", &own), Err(ManifestError::Missing("package")));
        assert_eq!(Manifest::parse("[package]\nname=\"a\"", &own), Err(ManifestError::Missing("package.version")));
        assert_eq!(Manifest::parse("[package]\nversion=\"1.0.0\"", &own), Err(ManifestError::Missing("package.name")));
    }

    #[test]
    fn limits_are_inclusive() {
        let many = |head: &str, n: usize, tail: &str| {
            format!("{head}\n{}", (0..n).map(|i| format!("x{i} = {tail}\n")).collect::<String>())
        };
        assert!(parse(&many("[dependencies]", 500, "\"1\"")).is_ok());
        assert!(parse(&many("[dependencies]", 501, "\"1\"")).is_err());
        assert!(parse(&many("[features]", 300, "[]")).is_ok());
        assert!(parse(&many("[features]", 301, "[]")).is_err());
        assert!(parse(&format!("[features]\nf = [{}]", "\"a\",".repeat(300))).is_ok());
        assert!(parse(&format!("[features]\nf = [{}]", "\"a\",".repeat(301))).is_err());
    }

    #[test]
    fn development_dependencies_without_a_version_are_not_published() {
        let manifest = parse("[dev-dependencies.d]\nfeatures = []\n[dependencies.a]\noptional = true").unwrap();
        assert_eq!(manifest.deps.iter().map(shown).collect::<Vec<_>>(), ["Normal None a=a * [] true true crates.io"]);
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("[features]\nf = {}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(matches!(parse(&deep), Err(ManifestError::Toml(_))));
    }
}
