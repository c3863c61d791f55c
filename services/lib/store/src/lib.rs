//! Postgres: every line of SQL, transactions, the outbox, the schema.
//!
//! Tenant rows are reached only through [`TenantTx`], which names the org to the database before anything else; each
//! query names the org again. The few look-ups that precede knowing the org are functions in the database with owners of
//! their own (`migrations/0006_walls.sql`); here they live in [`auth`], [`directory`] and [`feed`].
//!
//! Nothing outside this crate mentions sqlx. Nothing here decides who may do what.

pub mod audit;
pub mod auth;
pub mod crate_index;
pub mod database;
pub mod directory;
pub mod error;
pub mod feed;
pub mod outbox;
pub mod schema;
pub mod tenant;

pub use audit::AuditEntry;
pub use database::{Database, DatabaseRole};
pub use error::StoreError;
pub use outbox::Change;
pub use tenant::TenantTx;
