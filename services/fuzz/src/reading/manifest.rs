//! The dependencies of a `Cargo.toml`, read from the TOML as it stands.

use semver::VersionReq;
use toml::{Table, Value};

/// A dependency as far as an index line shows it, in the words of an index line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainDependency {
    /// `normal`, `build` or `dev`.
    pub kind: &'static str,
    /// The key of the target table, as written.
    pub target: Option<String>,
    /// Name in `Cargo.toml`.
    pub alias: String,
    /// Real name.
    pub name: String,
    /// Requirement, as the semver crate prints it.
    pub req: String,
    /// Features, as written.
    pub features: Vec<String>,
    /// Whether it is optional.
    pub optional: bool,
    /// Whether default features are asked for.
    pub default_features: bool,
    /// The address of the registry, as written.
    pub registry: Option<String>,
}

/// Every dependency of a manifest that was accepted.
#[must_use]
pub fn dependencies(manifest: &str) -> Vec<PlainDependency> {
    let manifest: Table = manifest.parse().expect("an accepted manifest is TOML");
    let mut found = of_table(&manifest, None);
    for (target, table) in manifest.get("target").and_then(Value::as_table).into_iter().flatten() {
        found.extend(of_table(table.as_table().expect("an accepted target is a table"), Some(target)));
    }
    found
}

fn of_table(table: &Table, target: Option<&str>) -> Vec<PlainDependency> {
    let mut found = Vec::new();
    for (key, kind) in [
        ("dependencies", "normal"),
        ("build-dependencies", "build"),
        ("build_dependencies", "build"),
        ("dev-dependencies", "dev"),
        ("dev_dependencies", "dev"),
    ] {
        for (alias, value) in table.get(key).and_then(Value::as_table).into_iter().flatten() {
            found.extend(of_value(kind, target, alias, value));
        }
    }
    found
}

fn of_value(kind: &'static str, target: Option<&str>, alias: &str, value: &Value) -> Option<PlainDependency> {
    let field = |key: &str| value.get(key);
    let text = |key: &str| field(key).and_then(Value::as_str).map(str::to_owned);
    let req = value.as_str().map(str::to_owned).or_else(|| text("version"));
    if req.is_none() && kind == "dev" {
        return None;
    }
    let features = field("features").and_then(Value::as_array).into_iter().flatten();
    Some(PlainDependency {
        kind,
        target: target.map(str::to_owned),
        alias: alias.to_owned(),
        name: text("package").unwrap_or_else(|| alias.to_owned()),
        req: VersionReq::parse(req.as_deref().unwrap_or("*")).expect("an accepted requirement parses").to_string(),
        features: features.filter_map(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        optional: field("optional").and_then(Value::as_bool).unwrap_or(false),
        default_features: ["default-features", "default_features"]
            .iter()
            .find_map(|key| field(key).and_then(Value::as_bool))
            .unwrap_or(true),
        registry: text("registry-index"),
    })
}
