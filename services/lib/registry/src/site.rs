//! What every verb works with: one installation's database, blobs, keys, clock and memory.

use crate::catalog::Catalog;
use crate::credentials::Credentials;
use crate::git_index::GitIndexes;
use crate::hearing::Hearing;
use crate::publish::FILE_HOLDERS_MAX;
use crate::search::SearchedViews;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wharf_blob::Blobs;
use wharf_cache::Cache;
use wharf_domain::token::Peppers;
use wharf_domain::{Clock, Entropy, OrgId, Slug};
use wharf_signed_url::KeyRing;
use wharf_store::{Database, StoreError, TenantTx};

/// The addresses clients see, from configuration alone: never from a request.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Base of the API service, without a trailing slash.
    pub app: String,
    /// Base of the index service, without a trailing slash.
    pub index: String,
    /// Base of the download service, without a trailing slash.
    pub download: String,
}

impl Addresses {
    /// The address of a registry's sparse index, as it stands in cargo's configuration.
    #[must_use]
    pub fn sparse_index(&self, org: &Slug, registry: &Slug) -> String {
        format!("sparse+{}/{org}/{registry}/", self.index)
    }

    /// The address of a registry's git index.
    #[must_use]
    pub fn git_index(&self, org: &Slug, registry: &Slug) -> String {
        format!("{}/{org}/{registry}", self.index)
    }

    /// The base of a registry's cargo web API.
    #[must_use]
    pub fn cargo_api(&self, org: &Slug, registry: &Slug) -> String {
        format!("{}/cargo/{org}/{registry}", self.app)
    }

    /// The page that tells a person how to sign in to a registry with cargo.
    #[must_use]
    pub fn me(&self, org: &Slug, registry: &Slug) -> String {
        format!("{}/me", self.cargo_api(org, registry))
    }

    /// The base of a registry's downloads.
    #[must_use]
    pub fn downloads(&self, org: &Slug, registry: &Slug) -> String {
        format!("{}/{org}/{registry}", self.download)
    }
}

/// What a [`Site`] is made of.
pub struct Parts {
    /// Connections of this service's role.
    pub database: Database,
    /// A few more, on which nothing is done but to follow the feed: however many requests wait for the others.
    pub feed_database: Database,
    /// Crate files.
    pub blobs: Blobs,
    /// Wake-ups.
    pub cache: Cache,
    /// Keys under which tokens are digested.
    pub peppers: Peppers,
    /// Keys of tickets.
    pub tickets: KeyRing,
    /// Addresses clients see.
    pub addresses: Addresses,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Most bytes of index files held in memory.
    pub index_cache_bytes: u64,
    /// Most bytes of index files held for git, but for the registry used last.
    pub git_files_bytes: u64,
    /// Most bytes held of git indexes beyond the index files themselves.
    pub git_cache_bytes: u64,
    /// Most bytes held of what views show to searches.
    pub search_cache_bytes: u64,
}

/// One installation, as one service sees it. Cheap to share; verbs are methods on it, each in the module of its noun.
pub struct Site {
    pub(crate) database: Database,
    pub(crate) feed_database: Database,
    pub(crate) blobs: Blobs,
    pub(crate) cache: Cache,
    pub(crate) peppers: Peppers,
    pub(crate) tickets: KeyRing,
    pub(crate) addresses: Addresses,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Turns of publishes to look after their files.
    pub(crate) file_holders: Semaphore,
    /// When it last heard the feed.
    pub(crate) hearing: Hearing,
    /// The credentials this process knows.
    pub(crate) credentials: Credentials,
    /// The registries, names and index files this process knows.
    pub(crate) catalog: Catalog,
    /// The git indexes this process serves.
    pub(crate) git_indexes: GitIndexes,
    /// The views that were searched.
    pub(crate) searched: SearchedViews,
}

impl Site {
    /// Puts a site together. Nothing is connected or loaded yet; [`crate::replica::follow`] does that.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            file_holders: Semaphore::new(FILE_HOLDERS_MAX),
            hearing: Hearing::new(),
            credentials: Credentials::new(),
            catalog: Catalog::new(parts.index_cache_bytes),
            git_indexes: GitIndexes::new(parts.git_files_bytes, parts.git_cache_bytes),
            searched: SearchedViews::new(parts.search_cache_bytes),
            database: parts.database,
            feed_database: parts.feed_database,
            blobs: parts.blobs,
            cache: parts.cache,
            peppers: parts.peppers,
            tickets: parts.tickets,
            addresses: parts.addresses,
            clock: parts.clock,
            entropy: parts.entropy,
        })
    }

    /// The addresses clients see.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Where crate files lie.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The connections of this service.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The wake-ups.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The time as this site tells it.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// A transaction within an org.
    pub(crate) async fn begin(&self, org: OrgId) -> Result<TenantTx, StoreError> {
        TenantTx::begin(&self.database, org).await
    }
}
