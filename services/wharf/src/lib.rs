//! Wharf in one process: the three services on three ports, and the operator's commands.
//!
//! Development, tests and small installs run everything here; a larger one starts the same program once per service.

pub mod assemble;
pub mod commands;
pub mod program;
pub mod serve;

/// The configuration of every Wharf process.
pub type Config = wharf_chassis::Config<wharf_blob::BlobConfig>;
