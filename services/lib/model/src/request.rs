//! Everything that can be asked, and by whom.

use crate::bodies::{Draft, Package, Patch, Settings, Subject};
use crate::sources::HERE;
use std::fmt;
use std::net::IpAddr;

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
    /// The key under which it is sent once.
    pub key: Option<String>,
    /// For what.
    pub what: What,
}

/// Whose credential a request carries, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// A token, by its handle, if there is one; a handle that was never given is a token that was never issued.
    pub bearer: Option<String>,
    /// The address.
    pub from: IpAddr,
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
    /// Of index, sparse and git, and download.
    Plain,
    /// Of cargo's web API.
    Cargo,
    /// Of the JSON API.
    Json,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is named after the operation of the API that it stands for")]
pub enum What {
    Config(Place),
    File(Place, String),
    Tree(Place),
    Download(Place, String, String),
    LegacyDownload {
        place: Place,
        token: String,
        made_for: Place,
        name: String,
        number: String,
    },

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
        sources: Option<Vec<String>>,
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
            Self::Config(..) | Self::File(..) | Self::Tree(..) | Self::Download(..) | Self::LegacyDownload { .. } => {
                Face::Plain
            }
            Self::Search { .. }
            | Self::Owners(..)
            | Self::Publish(..)
            | Self::Yank { .. }
            | Self::ChangeOwners { .. } => Face::Cargo,
            _ => Face::Json,
        }
    }
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
            Self::Ask(request) => {
                let key = request.key.as_ref().map(|key| format!(", as {key:?}")).unwrap_or_default();
                write!(f, "{}{key}: {:?}", request.who, request.what)
            }
        }
    }
}

impl Who {
    /// Without a credential, from here.
    #[must_use]
    pub fn nobody() -> Self {
        Self { bearer: None, from: HERE }
    }

    /// With a token, from here.
    #[must_use]
    pub fn bearer(handle: &str) -> Self {
        Self { bearer: Some(handle.to_owned()), from: HERE }
    }

    /// The same from elsewhere.
    #[must_use]
    pub fn from(self, from: IpAddr) -> Self {
        Self { from, ..self }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.bearer.as_deref().unwrap_or("nobody"))?;
        if self.from == HERE { Ok(()) } else { write!(f, " from {}", self.from) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.org, self.registry)
    }
}
