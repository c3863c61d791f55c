//! Uploads made by the installed cargo itself, read and judged by this crate.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not recognised as tests")]

mod cargo_upload;
