//! What the git indexes of one process share: limits, encoders, caches, and the count of their bytes.
//!
//! Everything kept here can be made again with the same bytes, so what is forgotten when is nobody's to see.

use crate::encoders::Encoders;
use crate::forest::Forest;
use crate::gauge::Gauge;
use crate::parts::Parts;
use crate::repositories::Repositories;
use std::sync::Arc;

/// How much may be kept that can be made again. The files of an index are not limited here: whoever holds an [`crate::Index`] may
/// let go of it.
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
    /// Whole files and names of crates: the base, which grows with the registries alone.
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
    encoders: Encoders,
    files: Arc<Gauge>,
    repositories_gauge: Arc<Gauge>,
    parts_gauge: Arc<Gauge>,
    forest: Arc<Forest>,
    parts: Parts,
    repositories: Repositories,
}

impl Memory {
    /// Empty, with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Memory> {
        let repositories_gauge = Arc::new(Gauge::default());
        Arc::new(Memory {
            limits,
            encoders: Encoders::default(),
            files: Arc::default(),
            forest: Forest::new(Arc::clone(&repositories_gauge)),
            repositories_gauge,
            parts_gauge: Arc::default(),
            parts: Parts::default(),
            repositories: Repositories::default(),
        })
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What is held now, for metrics.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            files_bytes: self.files_bytes(),
            repositories_bytes: self.repositories_gauge.bytes(),
            parts_bytes: self.parts_gauge.bytes(),
            repositories: self.repositories.len() as u64,
        }
    }

    /// Bytes of whole files and names that are held now, by indexes or by heads that outlive them.
    #[must_use]
    pub fn files_bytes(&self) -> u64 {
        self.files.bytes()
    }

    pub(crate) fn encoders(&self) -> &Encoders {
        &self.encoders
    }

    pub(crate) fn files(&self) -> &Arc<Gauge> {
        &self.files
    }

    pub(crate) fn repositories_gauge(&self) -> &Arc<Gauge> {
        &self.repositories_gauge
    }

    pub(crate) fn parts_gauge(&self) -> &Arc<Gauge> {
        &self.parts_gauge
    }

    pub(crate) fn forest(&self) -> &Arc<Forest> {
        &self.forest
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn repositories(&self) -> &Repositories {
        &self.repositories
    }
}
