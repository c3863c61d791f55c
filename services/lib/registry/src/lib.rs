//! The verbs of the registry: publish, yank, issue a token, grant an entitlement, read a view, resolve a download.
//!
//! Authorization lives here, before the first write of every verb. Nothing here knows actix or an HTTP status: JSON,
//! cargo's web API, pages and the command line are skins over the same verbs.

pub mod actor;
pub mod audit_log;
pub mod bootstrap;
pub mod catalog;
mod crates;
pub mod credentials;
pub mod downloads;
pub mod entitlements;
pub mod error;
mod flights;
pub mod git_index;
mod hearing;
pub mod idempotency;
mod label;
mod legacy_downloads;
pub mod maintenance;
pub mod members;
pub mod orgs;
pub mod owners;
pub mod paging;
mod permit;
pub mod publish;
pub mod registries;
pub mod replica;
pub mod search;
mod settle;
pub mod site;
pub mod teams;
pub mod tokens;
pub mod yank;

pub use actor::{Actor, Request};
pub use error::{Error, Kind, Result};
pub use site::{Addresses, Parts, Site};
