//! What requests say in their bodies, in the model's words and as the API writes it: packages, settings, entitlements.

use crate::request::moment;
use crate::sources;
use serde_json::{Value, json};

/// A package to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, as written.
    pub name: String,
    /// Its version.
    pub number: String,
    /// One line about it.
    pub description: String,
    /// Crates of the same registry that it needs, with requirements.
    pub deps: Vec<(String, String)>,
    /// What makes its bytes differ from those of another package that is otherwise equal.
    pub salt: String,
}

/// Settings of a registry; those that are none stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether everyone sees it.
    pub public: Option<bool>,
    /// Whether crates in it may depend on crates.io.
    pub crates_io_allowed: Option<bool>,
    /// Whether its git index takes the tokens of members.
    pub git_personal_keys: Option<bool>,
    /// Whether its git index names download addresses with credentials in them.
    pub legacy_git_downloads: Option<bool>,
    /// Most bytes of a crate file.
    pub max_crate_bytes: Option<i64>,
}

/// Crates and versions to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Patterns of crates.
    pub allow: Vec<String>,
    /// Patterns of crates not to show after all.
    pub except: Vec<String>,
    /// A requirement on versions.
    pub versions: Option<String>,
    /// Only what was published before this second.
    pub published_before: Option<i64>,
}

/// What a holder may do, as patterns of crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// See, within the rules.
    pub read: Vec<String>,
    /// Publish, and see.
    pub publish: Vec<String>,
    /// Yank and unyank.
    pub yank: Vec<String>,
    /// Add and remove owners.
    pub owners: Vec<String>,
}

/// An entitlement as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Unique in its registry.
    pub name: String,
    /// A text for people.
    pub note: String,
    /// The login of the member who uses it.
    pub holder: Option<String>,
    /// What may be done.
    pub rights: Rights,
    /// What may be seen.
    pub rules: Vec<Rule>,
    /// Holds from this second on.
    pub not_before: Option<i64>,
    /// Holds until just before this second.
    pub expires_at: Option<i64>,
    /// The most downloads in all.
    pub downloads: Option<u64>,
    /// The networks it may be used from; none for everywhere.
    pub sources: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// A change of an entitlement; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Another name.
    pub name: Option<String>,
    /// Another note.
    pub note: Option<String>,
    /// Other rules.
    pub rules: Option<Vec<Rule>>,
    /// Other patterns for the right to yank.
    pub yank: Option<Vec<String>>,
    /// Another end, or none.
    pub expires_at: Option<Option<i64>>,
    /// Other networks.
    pub sources: Option<Vec<String>>,
    /// On or off.
    pub enabled: Option<bool>,
}

/// What is previewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Terms by themselves.
    Terms(Rights, Vec<Rule>),
    /// The terms of an entitlement, or others in their place.
    Entitlement(String, Option<(Rights, Vec<Rule>)>),
}

impl Package {
    /// What stands for the file of this package: equal for equal bytes.
    #[must_use]
    pub fn content(&self) -> String {
        format!("{}-{} {:?} {:?} {:?}", self.name, self.number, self.description, self.deps, self.salt)
    }
}

impl Rule {
    /// The rule as the API writes it.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "allow": shown(&self.allow),
            "except": shown(&self.except),
            "versions": self.versions.as_ref().map(|text| requirement(text).to_string()),
            "published_before": self.published_before.map(moment),
        })
    }
}

impl Rights {
    /// To see whatever the rules show, and nothing else.
    #[must_use]
    pub fn to_read() -> Self {
        Self { read: vec!["*".to_owned()], publish: Vec::new(), yank: Vec::new(), owners: Vec::new() }
    }

    /// The rights as the API writes them.
    #[must_use]
    pub fn json(&self) -> Value {
        let [read, publish, yank, owners] =
            [&self.read, &self.publish, &self.yank, &self.owners].map(|patterns| shown(patterns));
        json!({ "read": read, "publish": publish, "yank": yank, "owners": owners })
    }
}

impl Draft {
    /// The entitlement as the API writes it, but for what it is given when it is granted.
    #[must_use]
    pub fn json(&self) -> Value {
        let limit = |max: u64| json!({ "count": "downloads", "per": "total", "max": max });
        json!({
            "name": self.name,
            "note": self.note,
            "metadata": {},
            "holder": self.holder.as_ref().map(|login| json!({ "member": login })),
            "rights": self.rights.json(),
            "rules": self.rules.iter().map(Rule::json).collect::<Vec<_>>(),
            "not_before": self.not_before.map(moment),
            "expires_at": self.expires_at.map(moment),
            "limits": self.downloads.into_iter().map(limit).collect::<Vec<_>>(),
            "sources": sources::shown(&self.sources),
            "enabled": self.enabled,
        })
    }
}

fn shown(patterns: &[String]) -> Vec<String> {
    patterns.iter().map(|pattern| crate::canonical(pattern)).collect()
}

/// A requirement of the test's own, which is well-formed.
pub(crate) fn requirement(text: &str) -> semver::VersionReq {
    text.parse().expect("a well-formed requirement")
}
