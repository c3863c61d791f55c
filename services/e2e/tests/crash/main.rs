//! The program killed at its moments and at random, with the services it stands on; a model judges what is left.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]
