//! Everything that can be asked, and by whom.

use serde_json::{Value, json};
use std::fmt;

/// The handle of the token that the owner of the first org is given by the operator.
pub const OWNER_TOKEN: &str = "owner";

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Somebody asks.
    Ask(Box<Request>),
    /// Seconds go by.
    Pass(i64),
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Who asks.
    pub who: Who,
    /// For what.
    pub what: What,
}

/// Whose credential a request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// None.
    Nobody,
    /// A token, by its handle; a handle that was never given is a token that was never issued.
    Bearer(String),
}

/// A registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The org in its address.
    pub org: String,
    /// Its name.
    pub registry: String,
}

/// In which form a refusal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Of index and download.
    Plain,
    /// Of cargo's web API.
    Cargo,
    /// Of the JSON API.
    Json,
}

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
    /// Whether it may be used from where the test is, or only from elsewhere.
    pub from_here: bool,
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

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is named after the operation of the API that it stands for")]
pub enum What {
    Config(Place),
    File(Place, String),
    Download(Place, String, String),

    Search {
        place: Place,
        text: String,
        per_page: u32,
        page: u32,
    },
    Owners(Place, String),
    Publish(Place, Package),
    Yank {
        place: Place,
        name: String,
        number: String,
        yanked: bool,
    },
    ChangeOwners {
        place: Place,
        name: String,
        users: Vec<String>,
        add: bool,
    },

    Whoami,
    FoundOrg {
        slug: String,
        token: String,
    },
    Org(String),
    Registries(String),
    Registry(Place),
    MakeRegistry(Place, Settings),
    SetRegistry(Place, Settings),

    Members(String),
    AddMember {
        org: String,
        login: String,
        role: &'static str,
        service: bool,
    },
    ChangeMember {
        org: String,
        login: String,
        role: &'static str,
    },
    RemoveMember {
        org: String,
        login: String,
    },
    Teams(String),
    MakeTeam {
        org: String,
        slug: String,
    },
    Seat {
        org: String,
        team: String,
        login: String,
        seated: bool,
    },

    Tokens(String),
    Token {
        org: String,
        token: String,
    },
    Issue {
        org: String,
        token: String,
        kind: &'static str,
        member: Option<String>,
        scopes: Option<Vec<String>>,
        life: Option<i64>,
    },
    Revoke {
        org: String,
        token: String,
    },
    Rotate {
        org: String,
        token: String,
        new: String,
        overlap: i64,
    },
    Audit {
        org: String,
        action: String,
    },

    Entitlements(Place),
    Entitlement {
        place: Place,
        id: String,
    },
    Grant {
        place: Place,
        id: String,
        token: String,
        draft: Draft,
    },
    ChangeEntitlement {
        place: Place,
        id: String,
        patch: Patch,
    },
    SwitchEntitlement {
        place: Place,
        id: String,
        on: bool,
    },
    Withdraw {
        place: Place,
        id: String,
    },
    RotateEntitlement {
        place: Place,
        id: String,
        token: String,
        overlap: i64,
    },
    View {
        place: Place,
        id: String,
    },
    Preview {
        place: Place,
        subject: Subject,
        explain: Option<(String, Option<String>)>,
    },
}

impl What {
    /// In which form a refusal comes.
    #[must_use]
    pub fn face(&self) -> Face {
        match self {
            Self::Config(..) | Self::File(..) | Self::Download(..) => Face::Plain,
            Self::Search { .. }
            | Self::Owners(..)
            | Self::Publish(..)
            | Self::Yank { .. }
            | Self::ChangeOwners { .. } => Face::Cargo,
            _ => Face::Json,
        }
    }
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
            "sources": if self.from_here { json!([]) } else { json!(["203.0.113.0/24"]) },
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

/// A second as the API writes it.
pub(crate) fn moment(second: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(second).expect("a time within the calendar");
    at.format(&time::format_description::well_known::Rfc3339).expect("a time that can be written")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(seconds) => write!(f, "{seconds} s go by"),
            Self::Ask(request) => match &request.who {
                Who::Nobody => write!(f, "nobody: {:?}", request.what),
                Who::Bearer(token) => write!(f, "{token}: {:?}", request.what),
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.org, self.registry)
    }
}
