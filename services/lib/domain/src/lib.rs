//! Nouns and rules of the registry: names, versions, patterns, roles, scopes, entitlements, views, tokens.
//!
//! Nothing here does I/O, is async, or asks for the time or for randomness: both come in through [`Clock`] and
//! [`Entropy`]. Whether a principal may see a crate or a version is decided here, in [`view`], and nowhere else.

pub mod ambient;
pub mod credential;
pub mod entitlement;
pub mod id;
mod legacy;
pub mod name;
pub mod pattern;
pub mod principal;
pub mod role;
pub mod scope;
pub mod secret;
mod shown;
pub mod source;
pub mod timestamp;
pub mod token;
pub mod version;
pub mod view;

pub use ambient::{Clock, Entropy};
pub use id::{CrateId, EntitlementId, OrgId, RegistryId, TeamId, TokenId, UserId, VersionId};
pub use name::{CanonicalName, CrateName, Slug};
pub use pattern::CratePattern;
pub use principal::Principal;
pub use role::Role;
pub use scope::{Scope, Verb};
pub use secret::Secret;
pub use timestamp::Timestamp;
pub use token::{Token, TokenKind};
pub use version::CrateVersion;
pub use view::{Sight, View, ViewId};
