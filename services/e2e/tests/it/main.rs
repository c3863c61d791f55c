//! Whole installations under test; a module per topic.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]
mod cargo_credentials;
mod cargo_shapes;
mod cargo_story;
mod old_clients;
mod smoke;
