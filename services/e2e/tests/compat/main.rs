//! Cargo old and new, over either index, with every kind of credential, against whole installations.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod clients;
mod legacy_downloads;
mod matrix;
mod page;
