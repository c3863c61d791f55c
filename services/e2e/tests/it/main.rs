//! Whole installations under test; a module per topic.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]
mod smoke;
