//! The JSON head of a publish body.
//!
//! Read before anything is authorised, so it is small, strict and bounded. What decides how the crate resolves
//! (dependencies, features, links, rust-version) is *not* taken from here but from the `Cargo.toml` inside the archive;
//! the head's dependencies only have to say the same. Unknown fields are ignored: old and new cargo differ in them.

use crate::dependency::{
    DEPENDENCIES_MAX, Dependency, DependencyError, DependencyKind, DependencyRegistry, FEATURES_MAX, OwnIndexUrls,
    Written, shorten,
};
use crate::json;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use wharf_domain::name::InvalidCrateName;
use wharf_domain::version::InvalidVersion;
use wharf_domain::{CrateName, CrateVersion};

/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 1000;
/// Most keywords.
pub const KEYWORDS_MAX: usize = 5;
/// Longest keyword, in characters.
pub const KEYWORD_MAX: usize = 20;
/// Most categories.
pub const CATEGORIES_MAX: usize = 5;
/// Most authors.
pub const AUTHORS_MAX: usize = 50;
/// Longest single-line text without a limit of its own (URL, licence, author, category, file name), in bytes.
pub const LINE_MAX: usize = 1024;

/// Why the JSON head is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not JSON, or not of the expected shape.
    #[error("the upload metadata cannot be read: {0}; upload with an unmodified `cargo publish`")]
    Json(String),
    /// The name is not one a new crate may have.
    #[error("the crate name `{name}` is not allowed: {why}")]
    Name {
        /// The name as sent.
        name: String,
        /// The rule it breaks.
        why: InvalidCrateName,
    },
    /// The version is none.
    #[error(transparent)]
    Version(#[from] InvalidVersion),
    /// A list has too many entries.
    #[error("`{field}` in Cargo.toml has {count} entries; at most {limit} are allowed")]
    TooMany {
        /// Key in `Cargo.toml`.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A text is too long.
    #[error("`{field}` in Cargo.toml is longer than {limit} characters; shorten it")]
    TooLong {
        /// Key in `Cargo.toml`.
        field: &'static str,
        /// How long it may be.
        limit: usize,
    },
    /// A one-line text holds line breaks or other control characters.
    #[error("`{0}` in Cargo.toml holds control characters; write it on one line")]
    Control(&'static str),
    /// A keyword of a form no search could find.
    #[error(
        "the keyword `{0}` is not allowed; start with a letter or digit and use only letters, digits, `_`, `-` and `+`"
    )]
    Keyword(String),
    /// Something else than an http or https URL.
    #[error("`{0}` in Cargo.toml is not an http:// or https:// URL; write the whole address")]
    Url(&'static str),
    /// A dependency or feature list breaks a rule.
    #[error("upload metadata: {0}")]
    Dependency(#[from] DependencyError),
}

/// The JSON head, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishMetadata {
    /// Name, the value authorisation goes by.
    pub name: CrateName,
    /// Version.
    pub version: CrateVersion,
    /// Dependencies as uploaded.
    pub deps: Vec<MetadataDependency>,
    /// Authors.
    pub authors: Vec<String>,
    /// Description.
    pub description: Option<String>,
    /// Address of the documentation.
    pub documentation: Option<String>,
    /// Address of the home page.
    pub homepage: Option<String>,
    /// Text of the readme, not sanitised.
    pub readme: Option<String>,
    /// Name of the readme file, not to be used as a path.
    pub readme_file: Option<String>,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Licence expression, unchecked.
    pub license: Option<String>,
    /// Name of the licence file, not to be used as a path.
    pub license_file: Option<String>,
    /// Address of the source repository.
    pub repository: Option<String>,
    /// Native library, as uploaded.
    pub links: Option<String>,
    /// Minimum Rust version, as uploaded.
    pub rust_version: Option<String>,
}

/// A dependency as the JSON head writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MetadataDependency {
    /// Real name of the crate.
    pub name: String,
    /// Requirement.
    pub version_req: String,
    /// Features asked for.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// Whether it is optional.
    #[serde(default)]
    pub optional: Option<bool>,
    /// Whether default features are asked for.
    #[serde(default)]
    pub default_features: Option<bool>,
    /// Triple or `cfg(…)`.
    #[serde(default)]
    pub target: Option<String>,
    /// What it is for; absent is normal.
    #[serde(default)]
    pub kind: Option<DependencyKind>,
    /// Index URL; absent is the registry published to.
    #[serde(default)]
    pub registry: Option<String>,
    /// Name in `Cargo.toml` when renamed.
    #[serde(default)]
    pub explicit_name_in_toml: Option<String>,
    #[serde(default)]
    artifact: Value,
}

impl MetadataDependency {
    fn normalise(&self, own: &OwnIndexUrls) -> Result<Dependency, DependencyError> {
        let alias = self.explicit_name_in_toml.as_deref().unwrap_or(&self.name);
        if !self.artifact.is_null() {
            return Err(DependencyError::Artifact(shorten(alias)));
        }
        let written = Written {
            kind: self.kind.unwrap_or(DependencyKind::Normal),
            target: self.target.as_deref(),
            alias,
            name: &self.name,
            req: &self.version_req,
            features: self.features.clone().unwrap_or_default(),
            optional: self.optional.unwrap_or(false),
            default_features: self.default_features.unwrap_or(true),
            registry: self.registry.as_deref(),
            without_registry: DependencyRegistry::Own,
        };
        Dependency::new(written, own)
    }
}

#[derive(Deserialize)]
struct Raw {
    name: String,
    vers: String,
    #[serde(default)]
    deps: Option<Vec<MetadataDependency>>,
    #[serde(default)]
    features: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    authors: Option<Vec<String>>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    documentation: Option<String>,
    #[serde(default)]
    homepage: Option<String>,
    #[serde(default)]
    readme: Option<String>,
    #[serde(default)]
    readme_file: Option<String>,
    #[serde(default)]
    keywords: Option<Vec<String>>,
    #[serde(default)]
    categories: Option<Vec<String>>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    license_file: Option<String>,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    links: Option<String>,
    #[serde(default)]
    rust_version: Option<String>,
}

impl PublishMetadata {
    /// Reads and checks the JSON head.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let unreadable = |error: serde_json::Error| MetadataError::Json(shorten(&error.to_string()));
        let value = json::parse(bytes).map_err(unreadable)?;
        check_objects(&value)?;
        let raw: Raw = serde_json::from_value(value).map_err(unreadable)?;
        let name =
            CrateName::parse_new(&raw.name).map_err(|why| MetadataError::Name { name: shorten(&raw.name), why })?;
        let version = CrateVersion::parse(&raw.vers)?;
        let deps = raw.deps.unwrap_or_default();
        if deps.len() > DEPENDENCIES_MAX {
            return Err(DependencyError::TooMany(deps.len()).into());
        }
        // Features are taken from Cargo.toml; here they are only kept from being absurd.
        let features = raw.features.unwrap_or_default();
        if features.len() > FEATURES_MAX {
            return Err(DependencyError::TooManyFeatures(features.len()).into());
        }
        if let Some((name, _)) = features.iter().find(|(_, entries)| entries.len() > FEATURES_MAX) {
            return Err(DependencyError::FeatureTooLong(shorten(name)).into());
        }
        let description = filled(raw.description);
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
            return Err(MetadataError::TooLong { field: "description", limit: DESCRIPTION_MAX });
        }
        let keywords = list("keywords", raw.keywords, KEYWORDS_MAX)?;
        for keyword in &keywords {
            check_keyword(keyword)?;
        }
        Ok(Self {
            name,
            version,
            deps,
            authors: list("authors", raw.authors, AUTHORS_MAX)?,
            description,
            documentation: url("documentation", raw.documentation)?,
            homepage: url("homepage", raw.homepage)?,
            readme: filled(raw.readme),
            readme_file: line("readme", raw.readme_file)?,
            keywords,
            categories: list("categories", raw.categories, CATEGORIES_MAX)?,
            license: line("license", raw.license)?,
            license_file: line("license-file", raw.license_file)?,
            repository: url("repository", raw.repository)?,
            links: line("links", raw.links)?,
            rust_version: line("rust-version", raw.rust_version)?,
        })
    }

    /// The dependencies in the form they are compared and stored in.
    pub fn dependencies(&self, own: &OwnIndexUrls) -> Result<Vec<Dependency>, DependencyError> {
        self.deps.iter().map(|dependency| dependency.normalise(own)).collect()
    }
}

/// Serde also reads an array as a struct, field by field: a head that no other reader of JSON would understand.
fn check_objects(head: &Value) -> Result<(), MetadataError> {
    let deps = head.get("deps").and_then(Value::as_array);
    if head.is_object() && deps.is_none_or(|deps| deps.iter().all(Value::is_object)) {
        return Ok(());
    }
    Err(MetadataError::Json("it and each of its dependencies has to be an object".into()))
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn check_line(field: &'static str, text: &str) -> Result<(), MetadataError> {
    if text.len() > LINE_MAX {
        return Err(MetadataError::TooLong { field, limit: LINE_MAX });
    }
    if text.chars().any(char::is_control) { Err(MetadataError::Control(field)) } else { Ok(()) }
}

fn line(field: &'static str, text: Option<String>) -> Result<Option<String>, MetadataError> {
    let text = filled(text);
    text.as_deref().map_or(Ok(()), |text| check_line(field, text))?;
    Ok(text)
}

fn list(field: &'static str, entries: Option<Vec<String>>, limit: usize) -> Result<Vec<String>, MetadataError> {
    let entries = entries.unwrap_or_default();
    if entries.len() > limit {
        return Err(MetadataError::TooMany { field, count: entries.len(), limit });
    }
    entries.iter().try_for_each(|entry| check_line(field, entry))?;
    Ok(entries)
}

/// These become links on pages: `javascript:` and its like must not get in.
fn url(field: &'static str, text: Option<String>) -> Result<Option<String>, MetadataError> {
    let Some(text) = line(field, text)? else { return Ok(None) };
    let scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let rest = if scheme("https://") {
        &text[8..]
    } else if scheme("http://") {
        &text[7..]
    } else {
        return Err(MetadataError::Url(field));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || text.contains(char::is_whitespace) {
        return Err(MetadataError::Url(field));
    }
    Ok(Some(text))
}

fn check_keyword(keyword: &str) -> Result<(), MetadataError> {
    if keyword.chars().count() > KEYWORD_MAX {
        return Err(MetadataError::TooLong { field: "keywords", limit: KEYWORD_MAX });
    }
    let sound = keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
        && keyword.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'));
    if sound { Ok(()) } else { Err(MetadataError::Keyword(shorten(keyword))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::metadata;
    use serde_json::json;

    fn parse(change: impl FnOnce(&mut Value)) -> Result<PublishMetadata, MetadataError> {
        let mut value = metadata("foo", "1.0.0");
        change(&mut value);
        PublishMetadata::parse(value.to_string().as_bytes())
    }

    #[test]
    fn nulls_and_absences_are_fine() {
        let full = parse(|_| ()).unwrap();
        assert_eq!((full.name.as_str(), full.version.to_string().as_str()), ("foo", "1.0.0"));
        let least = PublishMetadata::parse(br#"{"name":"foo","vers":"1.0.0"}"#).unwrap();
        assert!(least.deps.is_empty() && least.description.is_none() && least.authors.is_empty());
        let nulls = parse(|v| {
            for (key, value) in v.as_object_mut().unwrap() {
                if !matches!(key.as_str(), "name" | "vers") {
                    *value = Value::Null;
                }
            }
        });
        assert_eq!(nulls.unwrap(), least);
    }

    #[test]
    fn limits_are_inclusive_and_each_is_its_own() {
        let texts = |count: usize, text: &str| json!(vec![text; count]);
        for (field, most, one) in [("keywords", 5, "k"), ("categories", 5, "c"), ("authors", 50, "a <a@b>")] {
            assert!(parse(|v| v[field] = texts(most, one)).is_ok(), "{field}");
            assert_eq!(
                parse(|v| v[field] = texts(most + 1, one)).unwrap_err(),
                MetadataError::TooMany { field, count: most + 1, limit: most }
            );
        }
        assert!(parse(|v| v["description"] = json!("é".repeat(1000))).is_ok());
        assert!(parse(|v| v["description"] = json!("é".repeat(1001))).is_err());
        assert!(parse(|v| v["keywords"] = json!(["k".repeat(20)])).is_ok());
        assert!(parse(|v| v["keywords"] = json!(["k".repeat(21)])).is_err());
        let dep =
            json!({"name": "a", "version_req": "^1", "features": [], "optional": false, "default_features": true});
        assert!(parse(|v| v["deps"] = json!(vec![dep.clone(); 500])).is_ok());
        assert!(matches!(
            parse(|v| v["deps"] = json!(vec![dep.clone(); 501])),
            Err(MetadataError::Dependency(DependencyError::TooMany(501)))
        ));
        let features =
            |n: usize| json!((0..n).map(|i| (format!("f{i}"), json!([]))).collect::<serde_json::Map<_, _>>());
        assert!(parse(|v| v["features"] = features(300)).is_ok());
        assert!(parse(|v| v["features"] = features(301)).is_err());
        assert!(parse(|v| v["features"] = json!({"f": vec!["a"; 300]})).is_ok());
        assert!(parse(|v| v["features"] = json!({"f": vec!["a"; 301]})).is_err());
    }

    #[test]
    fn refusals() {
        type Case = (&'static str, Value, fn(&MetadataError) -> bool);
        let cases: &[Case] = &[
            ("name", json!("1x"), |e| matches!(e, MetadataError::Name { .. })),
            ("name", json!("nul"), |e| matches!(e, MetadataError::Name { why: InvalidCrateName::Reserved, .. })),
            ("name", json!(7), |e| matches!(e, MetadataError::Json(_))),
            ("name", json!(null), |e| matches!(e, MetadataError::Json(_))),
            ("vers", json!("1.0"), |e| matches!(e, MetadataError::Version(_))),
            ("vers", json!(format!("1.0.0-{}", "a".repeat(150))), |e| matches!(e, MetadataError::Version(_))),
            ("deps", json!([["a", "1"]]), |e| matches!(e, MetadataError::Json(_))),
            ("deps", json!([{"name": "a"}]), |e| matches!(e, MetadataError::Json(_))),
            ("deps", json!([{"name": "a", "version_req": "1", "kind": "odd"}]), |e| {
                matches!(e, MetadataError::Json(_))
            }),
            ("homepage", json!("javascript:alert(1)"), |e| *e == MetadataError::Url("homepage")),
            ("documentation", json!("ftp://a"), |e| *e == MetadataError::Url("documentation")),
            ("repository", json!("git@host:a/b"), |e| *e == MetadataError::Url("repository")),
            ("repository", json!("https:///x"), |e| *e == MetadataError::Url("repository")),
            ("repository", json!("https://a b"), |e| *e == MetadataError::Url("repository")),
            ("license", json!("MIT\nX"), |e| *e == MetadataError::Control("license")),
            ("license", json!("M".repeat(1025)), |e| matches!(e, MetadataError::TooLong { field: "license", .. })),
            ("keywords", json!(["a b"]), |e| matches!(e, MetadataError::Keyword(_))),
            ("keywords", json!([""]), |e| matches!(e, MetadataError::Keyword(_))),
            ("authors", json!(["a\u{7}"]), |e| *e == MetadataError::Control("authors")),
        ];
        for (field, value, expected) in cases {
            let error = parse(|v| v[*field] = value.clone()).unwrap_err();
            assert!(expected(&error), "{field}: {error}");
        }
        let array = br#"["foo", "1.0.0"]"#;
        assert!(matches!(PublishMetadata::parse(array), Err(MetadataError::Json(_))), "an array in place of an object");
        let twice = br#"{"name":"foo","vers":"1.0.0","name":"bar"}"#;
        assert!(PublishMetadata::parse(twice).unwrap_err().to_string().contains("occurs twice"));
    }

    #[test]
    fn urls_keep_their_spelling_and_empty_texts_vanish() {
        let parsed = parse(|v| {
            v["homepage"] = json!("HTTPS://Example.test/A?b#c");
            v["repository"] = json!("");
            v["description"] = json!("  ");
        })
        .unwrap();
        assert_eq!(parsed.homepage.as_deref(), Some("HTTPS://Example.test/A?b#c"));
        assert_eq!((parsed.repository, parsed.description), (None, None));
    }

    #[test]
    fn dependencies_are_translated() {
        let parsed = parse(|v| {
            v["deps"] = json!([
                {"name": "serde", "version_req": "^1.0", "features": ["derive"], "optional": true, "default_features": false,
                 "target": "cfg(unix)", "kind": "dev", "registry": crates_index::git::URL, "explicit_name_in_toml": "sd"},
                {"name": "own", "version_req": "*"},
            ]);
        })
        .unwrap();
        let [serde, own] = parsed.dependencies(&OwnIndexUrls::default()).unwrap().try_into().unwrap();
        assert_eq!((serde.alias.as_str(), serde.name.as_str()), ("sd", "serde"));
        assert_eq!((serde.kind, serde.registry), (DependencyKind::Dev, DependencyRegistry::CratesIo));
        assert!(serde.optional && !serde.default_features);
        assert_eq!((own.kind, own.registry), (DependencyKind::Normal, DependencyRegistry::Own));
        assert!(!own.optional && own.default_features);
        let artifact = parse(|v| v["deps"] = json!([{"name": "a", "version_req": "1", "artifact": ["bin"]}])).unwrap();
        assert_eq!(artifact.dependencies(&OwnIndexUrls::default()), Err(DependencyError::Artifact("a".into())));
    }
}
