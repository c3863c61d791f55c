//! The git repositories of views, made of entries that are ready before anyone asks.
//!
//! An [`Index`] holds the files of one registry as pack entries. Whoever may see a part of it gets a repository of one
//! commit without parents: a [`Head`], whose ids are a pure function of the bytes that its view shows and of its
//! `config.json`. Files and directories are shared between all views; a view adds its root, a credential its commit. A
//! clone is a walk over what is there ([`Head::full`]); a fetch sends exactly what differs ([`Index::delta`]).
//!
//! Nothing here does I/O, waits for anything but a lock, asks for the time, or knows SQL. What a view shows is decided by
//! [`wharf_domain::View`] and nowhere in this crate. Who may want or have a commit is the caller's verdict.
//!
//! # Hidden means absent
//!
//! Sequence numbers order the changes and stay inside: no id, count, order or byte of an answer depends on one, nor on
//! the history of a view, what else the process holds, or what it forgot. Each place where that is earned says so.

mod blob;
mod contents;
mod definition;
mod delta;
mod encoders;
mod error;
mod file;
mod forest;
mod gauge;
mod head;
mod index;
mod lru;
mod memory;
mod name;
mod pack;
mod parts;
mod repositories;
mod root;
mod shown;

pub use definition::Definition;
pub use error::{DeltaError, Error};
pub use file::{File, Line, visible_oid};
pub use head::Head;
pub use index::{Base, Change, Index, Was};
pub use memory::{Limits, Memory, Usage};
pub use pack::{Pack, Transfer};
