//! A dependency in the one form both of its sources are brought to: the publish JSON and `Cargo.toml`.
//!
//! The two say the same with opposite defaults: no registry means *this* registry in the JSON and crates.io in
//! `Cargo.toml` (cargo#4880, cargo#9880).

use crate::platform;
use serde::{Deserialize, Serialize};
use wharf_domain::CrateName;

/// Most dependencies of one version.
pub const DEPENDENCIES_MAX: usize = 500;
/// Most features of one version, and most entries of one feature.
pub const FEATURES_MAX: usize = 300;
/// Longest feature name or entry, in bytes.
pub const FEATURE_BYTES_MAX: usize = 256;
/// Longest version requirement, in bytes.
const REQUIREMENT_BYTES_MAX: usize = 256;
/// Longest registry address, in bytes.
const REGISTRY_BYTES_MAX: usize = 1024;

/// Why a dependency or a feature cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// The real name is no crate name.
    #[error("`{0}` is not the name of a crate; correct the dependency in Cargo.toml")]
    Name(String),
    /// The name used in `Cargo.toml` is unusable.
    #[error("the dependency name `{0}` holds characters that are not allowed; rename it in Cargo.toml")]
    Alias(String),
    /// The requirement does not parse.
    #[error(
        "the dependency `{alias}` asks for version `{req}`, which is not a version requirement; write it like \"1.2\""
    )]
    Requirement {
        /// Name in `Cargo.toml`.
        alias: String,
        /// The requirement as written.
        req: String,
    },
    /// The target is neither a triple nor a `cfg(…)` expression.
    #[error(
        "the dependency `{alias}` is for the target `{target}`, which is neither a target triple nor a `cfg(...)` expression; correct it in Cargo.toml"
    )]
    Target {
        /// Name in `Cargo.toml`.
        alias: String,
        /// The target as written.
        target: String,
    },
    /// The registry address is malformed, or holds a credential.
    #[error(
        "the dependency `{0}` comes from a registry whose address is not a plain URL; use an index URL without user name or password"
    )]
    Registry(String),
    /// An artifact dependency.
    #[error(
        "the dependency `{0}` is an artifact dependency; these are unstable in cargo and not accepted here; remove it"
    )]
    Artifact(String),
    /// More than [`DEPENDENCIES_MAX`].
    #[error("there are {0} dependencies; at most {DEPENDENCIES_MAX} are allowed")]
    TooMany(usize),
    /// More than [`FEATURES_MAX`] features.
    #[error("there are {0} features; at most {FEATURES_MAX} are allowed")]
    TooManyFeatures(usize),
    /// More than [`FEATURES_MAX`] entries in one feature or one dependency.
    #[error("`{0}` lists more than {FEATURES_MAX} features; split the list")]
    FeatureTooLong(String),
    /// A feature name or entry cargo would not read.
    #[error("`{0}` is not a feature name; use letters, digits, `_`, `-`, `+` and `.`")]
    Feature(String),
}

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DependencyKind {
    /// Used at run time.
    Normal,
    /// Used by the build script.
    Build,
    /// Used by tests and examples.
    Dev,
}

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DependencyRegistry {
    /// The registry it is published to.
    Own,
    /// crates.io.
    CratesIo,
    /// Another registry, by its index URL (`sparse+` kept).
    Other(String),
}

/// One dependency of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dependency {
    /// What it is for.
    pub kind: DependencyKind,
    /// Triple or `cfg(…)` it is limited to, in cargo's rendering.
    pub target: Option<String>,
    /// Name in `Cargo.toml`.
    pub alias: String,
    /// Name of the crate.
    pub name: CrateName,
    /// Requirement, in the rendering of semver.
    pub req: String,
    /// Features asked for.
    pub features: Vec<String>,
    /// Whether it is off until a feature enables it.
    pub optional: bool,
    /// Whether its default features are asked for.
    pub default_features: bool,
    /// Where it comes from.
    pub registry: DependencyRegistry,
}

/// A dependency as one of its sources writes it.
pub(crate) struct Written<'a> {
    pub(crate) kind: DependencyKind,
    pub(crate) target: Option<&'a str>,
    pub(crate) alias: &'a str,
    pub(crate) name: &'a str,
    pub(crate) req: &'a str,
    pub(crate) features: Vec<String>,
    pub(crate) optional: bool,
    pub(crate) default_features: bool,
    pub(crate) registry: Option<&'a str>,
    /// What a missing `registry` means here.
    pub(crate) without_registry: DependencyRegistry,
}

impl Dependency {
    /// Checks and normalises what a source says.
    pub(crate) fn new(written: Written<'_>, own: &OwnIndexUrls) -> Result<Self, DependencyError> {
        let Written {
            kind,
            target,
            alias,
            name,
            req,
            features,
            optional,
            default_features,
            registry,
            without_registry,
        } = written;
        let shown = || shorten(alias);
        if !is_alias(alias) {
            return Err(DependencyError::Alias(shown()));
        }
        let name = CrateName::parse(name).map_err(|_| DependencyError::Name(shorten(name)))?;
        let bad_req = || DependencyError::Requirement { alias: shown(), req: shorten(req) };
        if req.len() > REQUIREMENT_BYTES_MAX {
            return Err(bad_req());
        }
        let req = semver::VersionReq::parse(req).map_err(|_| bad_req())?.to_string();
        let target = target
            .map(|target| {
                platform::normalise(target)
                    .ok_or_else(|| DependencyError::Target { alias: shown(), target: shorten(target) })
            })
            .transpose()?;
        if features.len() > FEATURES_MAX {
            return Err(DependencyError::FeatureTooLong(shown()));
        }
        // Cargo drops empty entries when it reads an index line, so they are not worth storing.
        let features: Vec<String> = features.into_iter().filter(|feature| !feature.is_empty()).collect();
        features.iter().try_for_each(|feature| check_feature_entry(feature))?;
        let registry = match registry {
            None => without_registry,
            Some(url) if own.contains(url) => DependencyRegistry::Own,
            Some(url) if is_crates_io(url) => DependencyRegistry::CratesIo,
            Some(url) if is_plain_url(url) => DependencyRegistry::Other(url.to_owned()),
            Some(_) => return Err(DependencyError::Registry(shown())),
        };
        Ok(Self { kind, target, alias: alias.to_owned(), name, req, features, optional, default_features, registry })
    }

    /// This dependency with everything removed that does not change its meaning, for comparison.
    pub(crate) fn meaning(&self) -> Self {
        let mut meaning = self.clone();
        meaning.features.sort_unstable();
        meaning.features.dedup();
        if let DependencyRegistry::Other(url) = &mut meaning.registry {
            *url = fold_url(url);
        }
        meaning
    }
}

/// A text from an upload, made fit for an error message.
pub(crate) fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

// Cargo allows an alias to begin with `_`, which no crate name does.
fn is_alias(alias: &str) -> bool {
    let bytes = alias.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && (bytes[0].is_ascii_alphabetic() || bytes[0] == b'_')
}

/// Checks the name of a feature by cargo's rule.
pub(crate) fn check_feature_name(name: &str) -> Result<(), DependencyError> {
    let mut chars = name.chars();
    let sound = name.len() <= FEATURE_BYTES_MAX
        && chars.next().is_some_and(|c| c == '_' || c.is_alphanumeric())
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'));
    if sound { Ok(()) } else { Err(DependencyError::Feature(shorten(name))) }
}

/// Checks an entry of a feature: `name`, `dep:name`, `dependency/name`, `dependency?/name`.
pub(crate) fn check_feature_entry(entry: &str) -> Result<(), DependencyError> {
    if let Some(dependency) = entry.strip_prefix("dep:") {
        return if is_alias(dependency) { Ok(()) } else { Err(DependencyError::Feature(shorten(entry))) };
    }
    match entry.split_once('/') {
        Some((dependency, feature)) if is_alias(dependency.strip_suffix('?').unwrap_or(dependency)) => {
            check_feature_name(feature).map_err(|_| DependencyError::Feature(shorten(entry)))
        }
        Some(_) => Err(DependencyError::Feature(shorten(entry))),
        None => check_feature_name(entry),
    }
}

/// Every URL that means the registry published to: sparse and git, and any other address it answers at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnIndexUrls(Vec<String>);

impl OwnIndexUrls {
    /// Takes the URLs; `sparse+`, user names and trailing slashes make no difference.
    pub fn new<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Self {
        Self(urls.into_iter().map(|url| fold_url(url.as_ref())).collect())
    }

    /// Whether a URL means this registry.
    #[must_use]
    pub fn contains(&self, url: &str) -> bool {
        let url = fold_url(url);
        self.0.contains(&url)
    }
}

/// Whether a URL is that of the crates.io index, git or sparse.
#[must_use]
pub fn is_crates_io(url: &str) -> bool {
    let url = fold_url(url);
    [crates_index::git::URL, crates_index::sparse::URL].iter().any(|known| fold_url(known) == url)
}

/// The part of an index URL by which registries are told apart; cargo drops `.git` and the slash likewise.
fn fold_url(url: &str) -> String {
    let url = url.strip_prefix("sparse+").or_else(|| url.strip_prefix("registry+")).unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
}

/// An absolute URL without credentials: it ends up in index lines that every reader of the crate sees.
fn is_plain_url(url: &str) -> bool {
    let bare = url.strip_prefix("sparse+").unwrap_or(url);
    let Some((scheme, rest)) = bare.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let credential = match authority.rsplit_once('@') {
        // `ssh://git@host/` names an account, not a secret.
        Some((user, _)) => scheme != "ssh" || user.contains(':'),
        None => false,
    };
    url.len() <= REGISTRY_BYTES_MAX
        && !scheme.is_empty()
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
        && !credential
        && !rest.is_empty()
        && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<'a>() -> Written<'a> {
        Written {
            kind: DependencyKind::Normal,
            target: None,
            alias: "a",
            name: "a",
            req: "1",
            features: vec![],
            optional: false,
            default_features: true,
            registry: None,
            without_registry: DependencyRegistry::Own,
        }
    }

    fn own() -> OwnIndexUrls {
        OwnIndexUrls::new(["sparse+https://index.test/acme/private/", "http://localhost:1/x"])
    }

    #[test]
    fn registries() {
        for url in [
            "sparse+https://index.test/acme/private/",
            "https://index.test/acme/private",
            "https://INDEX.test/acme/private/",
            "https://index.test/acme/private.git",
            "sparse+https://me@index.test/acme/private/",
            "http://localhost:1/x",
        ] {
            assert!(own().contains(url), "{url}");
        }
        for url in ["https://index.test/acme/privat", "https://index.test/acme", "http://index.test/acme/private", "x"]
        {
            assert!(!own().contains(url), "{url}");
        }
        let registry = |url| Dependency::new(Written { registry: Some(url), ..written() }, &own()).map(|d| d.registry);
        assert_eq!(registry("https://index.test/acme/private").unwrap(), DependencyRegistry::Own);
        assert_eq!(registry(crates_index::git::URL).unwrap(), DependencyRegistry::CratesIo);
        assert_eq!(registry(crates_index::sparse::URL).unwrap(), DependencyRegistry::CratesIo);
        let other = "sparse+https://other.test/i/";
        assert_eq!(registry(other).unwrap(), DependencyRegistry::Other(other.into()));
        assert!(registry("ssh://git@other.test/i").is_ok());
        for bad in [
            "https://u:p@other.test/",
            "https://token@other.test/",
            "ssh://u:p@o.test/",
            "other",
            "https://",
            "a b://x",
        ] {
            assert_eq!(registry(bad), Err(DependencyError::Registry("a".into())), "{bad}");
        }
    }

    #[test]
    fn each_part_is_checked() {
        let check = |change: fn(&mut Written<'_>)| {
            let mut one = written();
            change(&mut one);
            Dependency::new(one, &own())
        };
        assert!(matches!(check(|w| w.name = "a.b"), Err(DependencyError::Name(_))));
        assert!(matches!(check(|w| w.alias = "a/b"), Err(DependencyError::Alias(_))));
        assert!(matches!(check(|w| w.alias = ""), Err(DependencyError::Alias(_))));
        assert!(matches!(check(|w| w.req = "one"), Err(DependencyError::Requirement { .. })));
        assert!(matches!(check(|w| w.target = Some("cfg(")), Err(DependencyError::Target { .. })));
        assert!(matches!(check(|w| w.features = vec!["a b".into()]), Err(DependencyError::Feature(_))));
        assert!(matches!(check(|w| w.features = vec!["a".into(); 301]), Err(DependencyError::FeatureTooLong(_))));
        let one = check(|w| {
            w.alias = "_x";
            w.req = ">= 1.0, <2";
            w.target = Some("cfg(  unix)");
            w.features = vec![String::new(), "f".into()];
        })
        .unwrap();
        assert_eq!(
            (one.req.as_str(), one.target.as_deref(), one.features.as_slice()),
            (">=1.0, <2", Some("cfg(unix)"), &["f".to_owned()][..])
        );
    }

    #[test]
    fn feature_entries() {
        for good in ["a", "_a", "1a", "a-b+c.d", "dep:a", "a/b", "a?/b", "été"] {
            assert!(check_feature_entry(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "dep:", "dep:a/b", "/b", "a/", "?/b", "a?", "a/b/c", "a\0", "\"", &"a".repeat(257)]
        {
            assert!(check_feature_entry(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn messages_hold_no_control_characters() {
        assert_eq!(shorten("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shorten(&"a".repeat(81)), format!("{}…", "a".repeat(80)));
    }
}
