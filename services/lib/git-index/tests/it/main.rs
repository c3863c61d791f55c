//! Whole indexes: against a naive model, against the installed git, and against each other.

#![allow(clippy::unwrap_used)]

mod answers;
mod fixture;
mod forgetting;
mod git;
mod model;
mod plumbing;
mod secrecy;
