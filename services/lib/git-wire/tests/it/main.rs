//! The bytes of this crate before other judges: gitoxide's crates, git's own plumbing, and git as a client over HTTP.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not recognised as tests")]

mod clone;
mod git;
mod gitoxide;
mod plumbing;
mod snapshot;
