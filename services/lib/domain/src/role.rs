//! What a member may do at most, by role. A token can only narrow this, never widen it.

use crate::scope::Verb;
use serde::{Deserialize, Serialize};

/// The part a member plays in an org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, and the only one who makes and unmakes owners.
    Owner,
    /// Everything but making owners.
    Admin,
    /// Reads every crate; publishes new crates, and new versions of crates they own.
    Publisher,
    /// Reads every crate.
    Reader,
    /// Reads the audit, members, entitlements and policies, and no crate.
    Auditor,
}

impl Role {
    /// Every role, strongest first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Publisher, Self::Reader, Self::Auditor];

    /// The word used in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Publisher => "publisher",
            Self::Reader => "reader",
            Self::Auditor => "auditor",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether the role runs the org: may act on crates it does not own and manage everything but owners.
    #[must_use]
    pub fn administers(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether a member of this role may use `verb` at all.
    #[must_use]
    pub fn allows(self, verb: Verb) -> bool {
        match self {
            Self::Owner | Self::Admin => true,
            Self::Publisher => {
                verb.reads_crates()
                    || matches!(
                        verb,
                        Verb::PublishNew | Verb::Publish | Verb::Yank | Verb::OwnerWrite | Verb::TokenWrite
                    )
            }
            Self::Reader => verb.reads_crates() || verb == Verb::TokenWrite,
            Self::Auditor => {
                wharf_trial::mutant!(AuditorReadsCrates { return true; });
                matches!(verb, Verb::AuditRead | Verb::EntitlementRead | Verb::MemberRead | Verb::TokenWrite)
            }
        }
    }
}
