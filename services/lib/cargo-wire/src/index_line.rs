//! One line of an index file: what cargo resolves by.
//!
//! Rendering is a pure function: equal values give equal bytes, for ever. `yanked` stands last, so that the only field
//! that may change later is changed without touching another byte. Format: cargo book, "Registry Index", JSON schema.

use crate::dependency::{Dependency, DependencyKind, DependencyRegistry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One version in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexLine {
    /// Name as published.
    pub name: String,
    /// Version as published, build metadata kept.
    pub vers: String,
    /// Dependencies of every kind.
    pub deps: Vec<IndexDependency>,
    /// SHA-256 of the archive in lower-case hex; cargo compares it as text.
    pub cksum: String,
    /// Features whose syntax every cargo reads.
    pub features: BTreeMap<String, Vec<String>>,
    /// Features that use `dep:` or `?/`; see [`IndexLine::split_features`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features2: BTreeMap<String, Vec<String>>,
    /// `2` when `features2` is used, else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u32>,
    /// Native library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<String>,
    /// Minimum Rust version, one to three numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust_version: Option<String>,
    /// Time of publication, `YYYY-MM-DDThh:mm:ssZ`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pubtime: Option<String>,
    /// Whether the version is withdrawn from new resolutions. The last field.
    pub yanked: bool,
}

/// One dependency in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDependency {
    /// Name in `Cargo.toml`.
    pub name: String,
    /// Requirement.
    pub req: String,
    /// Features asked for. This and the next two were mandatory before cargo 1.84.
    pub features: Vec<String>,
    /// Whether it is optional.
    pub optional: bool,
    /// Whether default features are asked for.
    pub default_features: bool,
    /// Triple or `cfg(…)`.
    pub target: Option<String>,
    /// What it is for.
    pub kind: DependencyKind,
    /// Index URL; absent is the registry of this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Real name when renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

impl From<&Dependency> for IndexDependency {
    fn from(dependency: &Dependency) -> Self {
        Self {
            name: dependency.alias.clone(),
            req: dependency.req.clone(),
            features: dependency.features.clone(),
            optional: dependency.optional,
            default_features: dependency.default_features,
            target: dependency.target.clone(),
            kind: dependency.kind,
            registry: match &dependency.registry {
                DependencyRegistry::Own => None,
                DependencyRegistry::CratesIo => Some(crates_index::git::URL.to_owned()),
                DependencyRegistry::Other(url) => Some(url.clone()),
            },
            package: (dependency.alias != dependency.name.as_str()).then(|| dependency.name.as_str().to_owned()),
        }
    }
}

/// A stored line that was not rendered by [`IndexLine::render`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an index line of this registry: `yanked` is not its last field")]
pub struct ForeignLine;

const YANKED: &str = "\"yanked\":true}";
const NOT_YANKED: &str = "\"yanked\":false}";

impl IndexLine {
    /// Splits features into those every cargo reads and those with `dep:` or `?/`, with the `v` that belongs to them.
    ///
    /// Cargo before 1.60 fails on the new syntax in `features`. With `v:2`, cargo 1.51 to 1.59 skips the version and
    /// resolves to an older one, as it does on crates.io; later ones join both maps.
    #[must_use]
    #[expect(clippy::type_complexity, reason = "two maps and a number; a name would hide more than it says")]
    pub fn split_features(
        features: BTreeMap<String, Vec<String>>,
    ) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<String>>, Option<u32>) {
        let (features2, features): (BTreeMap<_, _>, BTreeMap<_, _>) = features
            .into_iter()
            .partition(|(_, entries)| entries.iter().any(|entry| entry.starts_with("dep:") || entry.contains("?/")));
        let v = (!features2.is_empty()).then_some(2);
        (features, features2, v)
    }

    /// The line, without a line break.
    #[must_use]
    pub fn render(&self) -> String {
        serde_json::to_string(self).expect("texts, flags and lists always serialise")
    }

    /// Reads a line back.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

/// A stored line with `yanked` set as asked and every other byte as it was.
pub fn with_yanked(line: &str, yanked: bool) -> Result<String, ForeignLine> {
    // Inside a JSON text the quotes would be escaped, so this ending cannot be forged by a value.
    let rest = line.strip_suffix(YANKED).or_else(|| line.strip_suffix(NOT_YANKED)).ok_or(ForeignLine)?;
    Ok([rest, if yanked { YANKED } else { NOT_YANKED }].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads index bytes with the client's own type.
    fn client(line: &str) -> crates_index::Version {
        serde_json::from_str(line).unwrap()
    }

    fn line() -> IndexLine {
        let (features, features2, v) = IndexLine::split_features(BTreeMap::from([
            ("default".to_owned(), vec!["std".to_owned()]),
            ("std".to_owned(), vec![]),
            ("z".to_owned(), vec!["dep:zed".to_owned(), "foo?/z".to_owned()]),
        ]));
        IndexLine {
            name: "Foo_Bar".into(),
            vers: "1.0.0+b.1".into(),
            deps: vec![
                IndexDependency {
                    name: "zed".into(),
                    req: "^1".into(),
                    features: vec!["f".into()],
                    optional: true,
                    default_features: false,
                    target: Some("cfg(target_os = \"linux\")".into()),
                    kind: DependencyKind::Build,
                    registry: Some(crates_index::git::URL.into()),
                    package: Some("real-zed".into()),
                },
                IndexDependency {
                    name: "own".into(),
                    req: "*".into(),
                    features: vec![],
                    optional: false,
                    default_features: true,
                    target: None,
                    kind: DependencyKind::Normal,
                    registry: None,
                    package: None,
                },
            ],
            cksum: "0f".repeat(32),
            features,
            features2,
            v,
            links: Some("z".into()),
            rust_version: Some("1.70".into()),
            pubtime: Some("2026-05-31T12:00:00Z".into()),
            yanked: false,
        }
    }

    #[test]
    fn bytes() {
        let expected = concat!(
            r#"{"name":"Foo_Bar","vers":"1.0.0+b.1","deps":[{"name":"zed","req":"^1","features":["f"],"optional":true,"#,
            r#""default_features":false,"target":"cfg(target_os = \"linux\")","kind":"build","registry":"CRATES_IO","#,
            r#""package":"real-zed"},{"name":"own","req":"*","features":[],"optional":false,"default_features":true,"#,
            r#""target":null,"kind":"normal"}],"cksum":"CKSUM","features":{"default":["std"],"std":[]},"#,
            r#""features2":{"z":["dep:zed","foo?/z"]},"v":2,"links":"z","rust_version":"1.70","#,
            r#""pubtime":"2026-05-31T12:00:00Z","yanked":false}"#
        );
        let expected = expected.replace("CRATES_IO", crates_index::git::URL).replace("CKSUM", &"0f".repeat(32));
        assert_eq!(line().render(), expected);
    }

    #[test]
    fn the_client_reads_it() {
        let version = client(&line().render());
        assert_eq!((version.name(), version.version(), version.is_yanked()), ("Foo_Bar", "1.0.0+b.1", false));
        assert_eq!((version.links(), version.rust_version()), (Some("z"), Some("1.70")));
        assert_eq!(version.pubtime(), Some("2026-05-31T12:00:00Z"));
        assert_eq!(hex::encode(version.checksum()), "0f".repeat(32));
        let [zed, own] = version.dependencies() else { panic!("two dependencies") };
        assert_eq!((zed.name(), zed.crate_name(), zed.requirement()), ("zed", "real-zed", "^1"));
        assert_eq!((zed.kind(), zed.registry()), (crates_index::DependencyKind::Build, Some(crates_index::git::URL)));
        assert_eq!(zed.target(), Some("cfg(target_os = \"linux\")"));
        assert!(zed.is_optional() && !zed.has_default_features());
        assert_eq!((own.crate_name(), own.package(), own.registry(), own.target()), ("own", None, None, None));
    }

    #[test]
    fn plain_features_need_no_second_map() {
        let (features, features2, v) = IndexLine::split_features(BTreeMap::from([("a".into(), vec!["b/c".into()])]));
        assert_eq!((features.len(), features2.len(), v), (1, 0, None));
        let plain = IndexLine { features, features2, v, links: None, rust_version: None, ..line() }.render();
        for absent in ["features2", "\"v\"", "links", "rust_version"] {
            assert!(!plain.contains(absent), "{absent}");
        }
        let bare = IndexLine { features: BTreeMap::new(), deps: vec![], ..line() }.render();
        assert!(bare.contains(r#""features":{}"#) && bare.contains(r#""deps":[]"#));
    }

    #[test]
    fn yanked_flips_alone() {
        let rendered = line().render();
        let yanked = with_yanked(&rendered, true).unwrap();
        assert!(client(&yanked).is_yanked());
        assert_eq!(yanked, IndexLine { yanked: true, ..line() }.render());
        assert_eq!(with_yanked(&yanked, false).unwrap(), rendered);
        assert_eq!(with_yanked(&yanked, true).unwrap(), yanked);
        for foreign in ["", "{}", r#"{"yanked":true,"name":"a"}"#, r#"{"yanked":true} "#, r#"{"a":"\"yanked\":true}"}"#]
        {
            assert_eq!(with_yanked(foreign, true), Err(ForeignLine), "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn round_trip_on_one_line(
            name in "\\PC{0,20}", text in any::<String>(), yanked: bool, to: bool,
            features in proptest::collection::btree_map(any::<String>(), proptest::collection::vec("(dep:)?[a-z]{1,4}(\\?/x)?", 0..4), 0..5),
        ) {
            let (features, features2, v) = IndexLine::split_features(features);
            let one = IndexLine { name, links: Some(text), features, features2, v, yanked, ..line() };
            let rendered = one.render();
            prop_assert!(!rendered.contains('\n') && !rendered.contains('\r'));
            prop_assert_eq!(&IndexLine::parse(&rendered).unwrap(), &one);
            prop_assert_eq!(with_yanked(&rendered, to).unwrap(), IndexLine { yanked: to, ..one }.render());
        }
    }
}
