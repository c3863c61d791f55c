//! The formats read a second time, as plainly as can be: no limits, no streaming, no code shared with the product.
//!
//! Good for agreeing or not with a reader under test. Never fit for use on its own: it accepts what it should refuse.

mod archive;
mod invariants;
mod manifest;

pub use archive::{Entry, gunzip, repaired, tar_entries};
pub use invariants::{archive_rules, path_rules};
pub use manifest::{PlainDependency, dependencies};
