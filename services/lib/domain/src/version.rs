//! The number of a crate version.

use crate::shown::shown;
use std::fmt;

/// Longest version number, in bytes.
pub const VERSION_MAX: usize = 150;

/// A text that is not a semantic version of at most [`VERSION_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version number; write it like 1.2.3, at most {VERSION_MAX} characters")]
pub struct InvalidVersion(String);

/// A semantic version as published, build metadata kept.
///
/// `1.0.0+a` and `1.0.0+b` are the same version to the registry: [`CrateVersion::without_build`] is unique in a crate.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrateVersion(semver::Version);

impl CrateVersion {
    /// Reads a version number.
    pub fn parse(text: &str) -> Result<Self, InvalidVersion> {
        if text.len() > VERSION_MAX {
            return Err(InvalidVersion(shown(text, 40)));
        }
        semver::Version::parse(text).map(Self).map_err(|_| InvalidVersion(shown(text, 40)))
    }

    /// The version as the semver crate knows it.
    #[must_use]
    pub fn semver(&self) -> &semver::Version {
        &self.0
    }

    /// The part that identifies a version within its crate.
    #[must_use]
    pub fn without_build(&self) -> String {
        semver::Version { build: semver::BuildMetadata::EMPTY, ..self.0.clone() }.to_string()
    }
}

impl fmt::Display for CrateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CrateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_does_not_identify() {
        let version = CrateVersion::parse("1.0.0-rc.1+linux.2").unwrap();
        assert_eq!(version.to_string(), "1.0.0-rc.1+linux.2");
        assert_eq!(version.without_build(), "1.0.0-rc.1");
        assert!(CrateVersion::parse("1.0").is_err());
        assert!(CrateVersion::parse(&format!("1.0.0-{}", "a".repeat(150))).is_err());
    }
}
