//! What there is: plain maps by name.

use crate::bodies::Draft;
use crate::once::{Done, Keyed};
use crate::request::OWNER_TOKEN;
use crate::rights::VERBS;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Everything there is, and the time.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) now: i64,
    pub(crate) orgs: BTreeMap<String, Org>,
    pub(crate) tokens: BTreeMap<String, Token>,
    /// The accounts that may found orgs.
    pub(crate) founders: BTreeSet<String>,
    /// What was made under keys.
    pub(crate) done: Vec<Done>,
    /// The create that is being judged, if it came under a key.
    pub(crate) at_hand: Option<Keyed>,
}

#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) created_at: i64,
    pub(crate) registries: BTreeMap<String, Registry>,
    pub(crate) members: BTreeMap<String, Member>,
    pub(crate) teams: BTreeMap<String, Team>,
    pub(crate) audit: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Registry {
    pub(crate) public: bool,
    pub(crate) crates_io_allowed: bool,
    pub(crate) git_personal_keys: bool,
    pub(crate) legacy_git_downloads: bool,
    pub(crate) max_crate_bytes: i64,
    pub(crate) created_at: i64,
    /// By canonical name.
    pub(crate) crates: BTreeMap<String, Krate>,
    pub(crate) entitlements: BTreeMap<String, Entitlement>,
}

#[derive(Clone, Debug)]
pub(crate) struct Krate {
    /// As first published.
    pub(crate) name: String,
    pub(crate) versions: Vec<Version>,
    /// Members by login, and teams as `team:slug`.
    pub(crate) owners: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) number: semver::Version,
    pub(crate) content: String,
    pub(crate) description: String,
    pub(crate) deps: Vec<(String, String)>,
    pub(crate) published_at: i64,
    pub(crate) yanked: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) role: &'static str,
    pub(crate) service: bool,
    /// The e-mail address of a person.
    pub(crate) account: Option<String>,
    pub(crate) created_at: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Team {
    pub(crate) members: BTreeSet<String>,
    pub(crate) created_at: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) org: String,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) holder: Holder,
    pub(crate) scopes: Vec<String>,
    pub(crate) sources: Vec<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) revoked_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Member(String),
    Entitlement { registry: String, id: String },
}

#[derive(Clone, Debug)]
pub(crate) struct Entitlement {
    pub(crate) draft: Draft,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// An entry of the audit.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: i64,
    /// The account or service that did it; its login is told as long as it is a member.
    pub(crate) actor: Option<Actor>,
    pub(crate) token: Option<String>,
    /// Where the request came from.
    pub(crate) source: Option<IpAddr>,
    pub(crate) action: String,
    pub(crate) object: Value,
}

/// Who is behind a member. Logins can be given again to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    Person(String),
    /// A service account, by login and the second it joined.
    Service(String, i64),
}

impl Member {
    pub(crate) fn actor(&self, login: &str) -> Actor {
        match &self.account {
            Some(account) => Actor::Person(account.clone()),
            None => Actor::Service(login.to_owned(), self.created_at),
        }
    }
}

impl Token {
    pub(crate) fn has_ended(&self, now: i64) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }

    pub(crate) fn is_of_member(&self, org: &str, login: &str) -> bool {
        self.org == org && self.holder == Holder::Member(login.to_owned())
    }
}

impl Org {
    pub(crate) fn new(name: &str, now: i64) -> Self {
        Self {
            name: name.to_owned(),
            created_at: now,
            registries: BTreeMap::new(),
            members: BTreeMap::new(),
            teams: BTreeMap::new(),
            audit: Vec::new(),
        }
    }
}

impl Registry {
    /// Closed, and fit for crates that depend on crates.io.
    pub(crate) fn new(now: i64) -> Self {
        Self {
            public: false,
            crates_io_allowed: true,
            git_personal_keys: false,
            legacy_git_downloads: false,
            max_crate_bytes: 10 << 20,
            created_at: now,
            crates: BTreeMap::new(),
            entitlements: BTreeMap::new(),
        }
    }
}

/// Every scope, everywhere: what the operator gives the first owner.
fn everything() -> Vec<String> {
    VERBS.iter().map(|verb| format!("{verb}@*")).collect()
}

/// The address the test gives to the person of this login.
pub(crate) fn email(org: &str, login: &str) -> String {
    format!("{login}@{org}.example")
}

impl Model {
    /// Nothing but an org that the operator has made: a registry `private`, and the member `owner` with a token that may do
    /// everything.
    #[must_use]
    pub fn new(org: &str, now: i64) -> Self {
        let mut made = Org::new(org, now);
        made.registries.insert("private".to_owned(), Registry::new(now));
        let account = email(org, "owner");
        let owner = Member { role: "owner", service: false, account: Some(account.clone()), created_at: now };
        made.members.insert("owner".to_owned(), owner);
        for (action, object) in [
            ("org.create", json!({ "org": org })),
            ("registry.create", json!({ "registry": "private" })),
            ("member.add", json!({ "member": "owner" })),
            ("token.issue", json!({ "token": OWNER_TOKEN, "name": "owner", "member": "owner" })),
        ] {
            made.audit.push(Entry {
                at: now,
                actor: None,
                token: None,
                source: None,
                action: action.to_owned(),
                object,
            });
        }
        let token = Token {
            org: org.to_owned(),
            kind: "personal",
            name: "owner".to_owned(),
            holder: Holder::Member("owner".to_owned()),
            scopes: everything(),
            sources: Vec::new(),
            created_by: None,
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        Self {
            now,
            orgs: BTreeMap::from([(org.to_owned(), made)]),
            tokens: BTreeMap::from([(OWNER_TOKEN.to_owned(), token)]),
            founders: BTreeSet::from([account]),
            done: Vec::new(),
            at_hand: None,
        }
    }

    /// Seconds go by.
    pub fn pass(&mut self, seconds: i64) {
        self.now += seconds;
    }
}
