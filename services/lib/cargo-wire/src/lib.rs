//! The bytes cargo speaks: publish body, package archive, manifest, index lines and paths, `config.json`, reply bodies.
//!
//! Pure functions over memory. Nothing here does I/O, waits, asks for the time, or decides who may do what: the caller
//! parses the JSON head ([`PublishMetadata::parse`]), authorises on its name, and only then pays for the archive
//! ([`Submission::check`]). Limits are named in each module; formats: the cargo book, "Registry Web API" and
//! "Registry Index".

pub mod archive;
pub mod config_json;
pub mod dependency;
pub mod error;
pub mod frame;
pub mod index_line;
pub mod index_path;
mod json;
pub mod manifest;
pub mod metadata;
mod platform;
pub mod reply;
pub mod submission;
#[cfg(test)]
mod testing;

pub use archive::{Archive, ArchiveError, PublishLimits};
pub use config_json::ConfigJson;
pub use dependency::{Dependency, DependencyError, DependencyKind, DependencyRegistry, OwnIndexUrls};
pub use error::{FaultKind, PublishError};
pub use frame::{FrameError, FrameLimits, PublishFrame};
pub use index_line::{IndexDependency, IndexLine, with_yanked};
pub use index_path::{index_path, parse_index_path};
pub use manifest::{Manifest, ManifestError};
pub use metadata::{MetadataDependency, MetadataError, PublishMetadata};
pub use submission::Submission;
