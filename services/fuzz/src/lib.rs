//! Hostile input: made, sent and judged.
//!
//! - [`targets`]: one function per reader of foreign bytes, which asserts what must hold whatever the bytes are. The
//!   tests replay `corpus/` and some random changes of it; `./deploy/fuzz` runs the same functions coverage-guided.
//! - [`archives`]: the reviewed table of package archives, each with its verdict.
//! - [`uploads`]: whole publish bodies, sound ones and ones with something wrong, with the verdict that follows from
//!   what was done to them.
//! - [`reading`]: readers of the same formats that share no code with the product, and the rules said once more.
//!
//! Nothing here ships. It never decides what is right by asking the reader under test.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a judge fails by panicking")]

pub mod archives;
pub mod reading;
pub mod targets;
pub mod uploads;
