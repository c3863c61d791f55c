//! One error for the whole way from body to index line; its text is what cargo prints to the developer.

use crate::archive::ArchiveError;
use crate::dependency::DependencyError;
use crate::frame::FrameError;
use crate::manifest::ManifestError;
use crate::metadata::MetadataError;

/// What kind of answer a refused upload deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The upload breaks a rule.
    Invalid,
    /// The upload is above a size limit.
    TooLarge,
}

/// Why an upload is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The body cannot be taken apart.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The JSON head breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The package archive breaks a rule.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The `Cargo.toml` inside the archive breaks a rule.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A dependency in the JSON head breaks a rule.
    #[error("upload metadata: {0}")]
    Dependency(#[from] DependencyError),
    /// The JSON head and the `Cargo.toml` inside the archive name different things.
    #[error(
        "the upload says {what} `{metadata}`, but Cargo.toml inside the package says `{manifest}`; run `cargo publish` again"
    )]
    Mismatch {
        /// `name` or `version`.
        what: &'static str,
        /// What the JSON head says.
        metadata: String,
        /// What `Cargo.toml` says.
        manifest: String,
    },
    /// The JSON head and `Cargo.toml` list different dependencies.
    #[error(
        "the upload metadata and Cargo.toml inside the package disagree about the dependency `{0}`; upload with an unmodified `cargo publish`"
    )]
    DependenciesDiffer(String),
}

impl PublishError {
    /// What kind of answer this deserves.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Frame(FrameError::MetadataTooLarge { .. } | FrameError::ArchiveTooLarge { .. })
            | Self::Archive(
                ArchiveError::TooLarge { .. } | ArchiveError::TooManyEntries(_) | ArchiveError::ManifestTooLarge(_),
            ) => FaultKind::TooLarge,
            _ => FaultKind::Invalid,
        }
    }
}
