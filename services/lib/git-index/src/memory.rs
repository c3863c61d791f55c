//! What the git indexes of one process share: limits, encoders, caches, and the count of their bytes.

use std::sync::Arc;

/// How much may be kept that can be made again. The files of the registries are needed and not limited here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of directories, roots and commits. The repository used last stays, however large.
    pub repositories_bytes: u64,
    /// Bytes of deflated files that show only some versions of a crate.
    pub parts_bytes: u64,
}

/// What is held now, in bytes as an allocator gives them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Whole files: the base, which grows with the registries alone.
    pub files_bytes: u64,
    /// Directories, roots, commits and the tables over them.
    pub repositories_bytes: u64,
    /// Deflated files that show only some versions of a crate.
    pub parts_bytes: u64,
    /// Repositories, each of one view and one `config.json`.
    pub repositories: u64,
}

/// Shared by every [`crate::Index`] of a process, so that one figure bounds them all.
#[derive(Debug)]
pub struct Memory {
    limits: Limits,
}

impl Memory {
    /// Empty, with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Memory> {
        Arc::new(Memory { limits })
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What is held now, for metrics.
    #[must_use]
    pub fn usage(&self) -> Usage {
        todo!()
    }
}
