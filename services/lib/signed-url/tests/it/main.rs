//! The shared vectors: that they are what the generator makes, and that minting and verifying agree with each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod cases;
mod vectors;
