//! Postgres: every line of SQL, transactions, the outbox, the schema.
//!
//! Tenant rows are reached only through [`TenantTx`], which names the org to the database before anything else; each
//! query names the org again. The few look-ups that precede knowing the org are functions in the database with owners of
//! their own (`migrations/0006_walls.sql`); here they live in [`auth`], [`directory`] and [`feed`].
//!
//! Every wait for Postgres has an end, but that of a migration: connections are lent, see `loan.rs`.
//!
//! Nothing outside this crate mentions sqlx. Nothing here decides who may do what.

pub mod accounts;
pub mod audit;
pub mod audit_log;
pub mod auth;
pub mod crate_index;
pub mod crates;
pub mod database;
pub mod directory;
pub mod entitlements;
pub mod error;
pub mod feed;
pub mod git_index;
pub mod idempotency;
pub mod index_change;
mod loan;
pub mod maintenance;
pub mod members;
pub mod orgs;
pub mod outbox;
pub mod owners;
pub mod registries;
pub mod schema;
pub mod search;
pub mod teams;
pub mod tenant;
pub mod tls;
pub mod tokens;
pub mod versions;
pub mod view_contents;

pub use audit::AuditEntry;
pub use database::{Database, DatabaseRole};
pub use error::StoreError;
pub use outbox::Change;
pub use tenant::TenantTx;
