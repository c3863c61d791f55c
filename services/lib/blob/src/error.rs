//! What can go wrong. A blob that is not there is no error but `None`.

use std::error::Error as StdError;
use std::fmt;

/// Why a backend did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes to store are not those their digest promises; nothing was stored.
    #[error("the bytes have the SHA-256 {}, not {}", hex::encode(actual), hex::encode(expected))]
    WrongDigest {
        /// The digest the caller gave.
        expected: [u8; 32],
        /// The digest of the bytes.
        actual: [u8; 32],
    },
    /// What the backend holds under this digest are other bytes. Asking again does not help; putting the right bytes does.
    #[error("the stored blob {} is damaged: {detail}", hex::encode(sha256))]
    Corrupt {
        /// The digest the blob is stored under.
        sha256: [u8; 32],
        /// What is wrong with it.
        detail: String,
    },
    /// The range asked for lies outside the blob.
    #[error("the range lies outside the {len} bytes of the blob")]
    Range {
        /// Size of the whole blob.
        len: u64,
    },
    /// The backend cannot be reached or refuses to work. The same call may succeed later.
    #[error("the blob store could not {action}")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        cause: Cause,
    },
}

impl BlobError {
    pub(crate) fn unavailable(action: &'static str, error: impl StdError) -> Self {
        Self::Unavailable { action, cause: Cause::of(&error) }
    }

    pub(crate) fn corrupt(sha256: [u8; 32], detail: impl Into<String>) -> Self {
        Self::Corrupt { sha256, detail: detail.into() }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The text of an error and of all it came from. The errors of an S3 client hold whole requests and responses, which
/// must not reach a log through `Debug`; so only their words are kept.
pub struct Cause(String);

impl Cause {
    pub(crate) fn of(error: &dyn StdError) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(error) = next {
            text.push_str(": ");
            text.push_str(&error.to_string());
            next = error.source();
        }
        Self(text)
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl StdError for Cause {}

/// Why a backend could not be set up from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting does not make sense.
    #[error("blob.{key}: {detail}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The directory is not one in which crate files are kept.
    #[error(
        "blob.path: {0} is not prepared for crate files (it holds no directory `sha256`): mount its disk, or run \
         `wharf migrate` for a new database; to begin with an empty one on purpose: mkdir -p {0}/sha256",
        path.display()
    )]
    Unprepared {
        /// The directory.
        path: std::path::PathBuf,
    },
    /// A file or directory named by a setting cannot be used.
    #[error("blob.{key}: cannot use {}", path.display())]
    File {
        /// The setting.
        key: &'static str,
        /// What it names.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}
