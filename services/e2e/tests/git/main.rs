//! The git index, with real git and byte by byte: a binary of its own, so that it builds apart from the other tests.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod checkout;
mod clones;
mod crates;
mod credentials;
mod foreign;
mod hostile;
mod keeping_up;
mod letting_go;
mod numbering;
mod odd;
mod pieces;
mod rush;
mod sequences;
mod turns;
mod universes;
mod unknown;
mod wire;
