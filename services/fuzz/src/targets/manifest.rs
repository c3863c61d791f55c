use super::{assert_presentable, index_line};
use crate::reading::{self, PlainDependency};
use toml::{Table, Value};
use wharf_cargo_wire::{
    Dependency, DependencyKind, DependencyRegistry, IndexDependency, IndexLine, Manifest, OwnIndexUrls,
};

pub(super) const WORDS: &[&str] = &[
    "[package]\n",
    "name = \"a\"\n",
    "version = \"1.0.0\"\n",
    "[dependencies]\n",
    "[dependencies.a]\n",
    "[build-dependencies]\n",
    "[dev_dependencies]\n",
    "[target.'cfg(unix)'.dependencies]\n",
    "[target.x86_64-unknown-linux-gnu.dependencies]\n",
    "features = [\"b\"]\n",
    "optional = true\n",
    "default-features = false\n",
    "package = \"real\"\n",
    "registry-index = \"",
    "sparse+https://index.test/acme/private/",
    "[features]\n",
    "dep:a",
    "a?/b",
    "rust-version = \"1.70\"\n",
    "links = \"z\"\n",
    "workspace = true",
    "[patch.crates-io]\n",
    "path = \"..\"",
    "artifact = \"bin\"",
    "any(",
    "all(",
    "not(",
];

const OWN: &str = "sparse+https://index.test/acme/private/";

/// A manifest means what its TOML says, and so does the index line made of it.
pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let own = OwnIndexUrls::new([OWN]);
    let manifest = match Manifest::parse(text, &own) {
        Ok(manifest) => manifest,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    let plain = reading::dependencies(text);
    assert_eq!(sorted(manifest.deps.iter().map(of_ours)), sorted(plain.iter().map(of_plain)), "{text}");

    let written = render(&manifest);
    let mut places: Vec<_> = manifest.deps.iter().map(|dep| (dep.kind, &dep.target, &dep.alias)).collect();
    places.sort_unstable();
    // Two spellings of one target are two tables; written out they would be one.
    if places.windows(2).all(|pair| pair[0] != pair[1]) {
        let mut again = Manifest::parse(&written, &own).unwrap_or_else(|error| panic!("{error}:\n{written}"));
        let mut first = manifest.clone();
        again.deps.sort_unstable();
        first.deps.sort_unstable();
        assert_eq!(again, first, "{written}");
    }
    judge_line(&manifest);
}

fn judge_line(manifest: &Manifest) {
    let (features, features2, v) = IndexLine::split_features(manifest.features.clone());
    let line = IndexLine {
        name: "a".into(),
        vers: "1.0.0".into(),
        deps: manifest.deps.iter().map(IndexDependency::from).collect(),
        cksum: "0f".repeat(32),
        features,
        features2,
        v,
        links: manifest.links.clone(),
        rust_version: manifest.rust_version.clone(),
        pubtime: Some("2026-05-31T12:00:00Z".into()),
        yanked: false,
    };
    index_line::judge(&line);
    let client: crates_index::Version = serde_json::from_str(&line.render()).expect("the client reads the line");
    let of_client = client.dependencies().iter().map(|dep| {
        (dep.name().to_owned(), dep.crate_name().to_owned(), dep.requirement().to_owned(), dep.is_optional())
    });
    let of_manifest =
        manifest.deps.iter().map(|dep| (dep.alias.clone(), dep.name.to_string(), dep.req.clone(), dep.optional));
    assert_eq!(sorted(of_client), sorted(of_manifest));
    // Cargo before 1.60 reads `features` alone, and fails on the newer forms.
    let old = line.features.values().flatten();
    assert!(old.clone().all(|entry| !entry.starts_with("dep:") && !entry.contains("?/")));
    let all = old.chain(line.features2.values().flatten()).count();
    assert_eq!(all, manifest.features.values().map(Vec::len).sum::<usize>());
    assert_eq!(line.v == Some(2), !line.features2.is_empty());
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}

type Row = (String, String, String, String, Vec<String>, (bool, bool), String);

/// Targets differ in white space only: what cargo normalises.
fn target(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect::<String>().replace(",)", ")")
}

fn of_plain(dep: &PlainDependency) -> Row {
    let registry = match dep.registry.as_deref() {
        None => "crates.io".to_owned(),
        Some(url) if OwnIndexUrls::new([OWN]).contains(url) => "own".to_owned(),
        Some(url) if wharf_cargo_wire::dependency::is_crates_io(url) => "crates.io".to_owned(),
        Some(url) => url.to_owned(),
    };
    (
        dep.kind.to_owned(),
        target(dep.target.as_deref()),
        dep.alias.clone(),
        format!("{} {}", dep.name, dep.req),
        dep.features.clone(),
        (dep.optional, dep.default_features),
        registry,
    )
}

fn of_ours(dep: &Dependency) -> Row {
    let registry = match &dep.registry {
        DependencyRegistry::Own => "own",
        DependencyRegistry::CratesIo => "crates.io",
        DependencyRegistry::Other(url) => url,
    };
    (
        kind(dep.kind).to_owned(),
        target(dep.target.as_deref()),
        dep.alias.clone(),
        format!("{} {}", dep.name, dep.req),
        dep.features.clone(),
        (dep.optional, dep.default_features),
        registry.to_owned(),
    )
}

fn kind(kind: DependencyKind) -> &'static str {
    match kind {
        DependencyKind::Normal => "normal",
        DependencyKind::Build => "build",
        DependencyKind::Dev => "dev",
    }
}

/// The manifest written from what was read of it.
fn render(manifest: &Manifest) -> String {
    let mut package = Table::new();
    package.insert("name".into(), manifest.name.clone().into());
    package.insert("version".into(), manifest.version.clone().into());
    for (key, value) in [("links", &manifest.links), ("rust-version", &manifest.rust_version)] {
        package.extend(value.clone().map(|value| (key.to_owned(), Value::String(value))));
    }
    let mut root = Table::new();
    root.insert("package".into(), package.into());
    let list = |items: &[String]| Value::Array(items.iter().cloned().map(Value::String).collect());
    let features: Table = manifest.features.iter().map(|(name, entries)| (name.clone(), list(entries))).collect();
    root.insert("features".into(), features.into());
    for dep in &manifest.deps {
        let mut table = Table::new();
        table.insert("version".into(), dep.req.clone().into());
        table.insert("package".into(), dep.name.to_string().into());
        table.insert("features".into(), list(&dep.features));
        table.insert("optional".into(), dep.optional.into());
        table.insert("default-features".into(), dep.default_features.into());
        match &dep.registry {
            DependencyRegistry::CratesIo => {}
            DependencyRegistry::Own => drop(table.insert("registry-index".into(), OWN.into())),
            DependencyRegistry::Other(url) => drop(table.insert("registry-index".into(), url.clone().into())),
        }
        let key = match dep.kind {
            DependencyKind::Normal => "dependencies",
            DependencyKind::Build => "build-dependencies",
            DependencyKind::Dev => "dev-dependencies",
        };
        let place = match &dep.target {
            None => &mut root,
            Some(target) => inner(inner(&mut root, "target"), target),
        };
        inner(place, key).insert(dep.alias.clone(), table.into());
    }
    root.to_string()
}

fn inner<'a>(table: &'a mut Table, key: &str) -> &'a mut Table {
    let value = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    value.as_table_mut().expect("only tables are put here")
}
