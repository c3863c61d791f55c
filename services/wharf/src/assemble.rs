//! Builds a [`Site`] out of the configuration.

use crate::Config;
use anyhow::Context;
use std::sync::Arc;
use std::time::Duration;
use wharf_blob::Blobs;
use wharf_cache::Cache;
use wharf_domain::token::Peppers;
use wharf_domain::{Clock, Entropy};
use wharf_registry::{Addresses, Parts, Site};
use wharf_signed_url::KeyRing;
use wharf_store::{Database, DatabaseRole};

/// Connections on which a service follows the feed: one reads while another is being replaced.
const FEED_CONNECTIONS: u32 = 2;

/// Time and randomness of a process; tests bring their own.
#[derive(Clone)]
pub struct Ambient {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What every Redis channel of this installation begins with.
    pub redis_prefix: String,
}

impl Default for Ambient {
    fn default() -> Self {
        Self {
            clock: Arc::new(wharf_chassis::SystemClock),
            entropy: Arc::new(wharf_chassis::OsEntropy),
            redis_prefix: "wharf:".to_owned(),
        }
    }
}

/// Connections of a service's role.
pub fn database(config: &Config, role: DatabaseRole) -> anyhow::Result<Database> {
    connections(config, role, config.database.max_connections)
}

fn connections(config: &Config, role: DatabaseRole, most: u32) -> anyhow::Result<Database> {
    let database = &config.database;
    let (url, password) = (database.owner_url_file.secret(), database.service_password_file.secret());
    Database::for_service(url, role, password, most, silence(config)).context("database.owner_url_file")
}

/// Connections of the owner.
pub fn owner_database(config: &Config) -> anyhow::Result<Database> {
    Database::for_owner(config.database.owner_url_file.secret(), silence(config)).context("database.owner_url_file")
}

fn silence(config: &Config) -> Duration {
    Duration::from_secs(config.limits.database_silence_s.get())
}

/// Crate files.
pub fn blobs(config: &Config) -> anyhow::Result<Blobs> {
    Blobs::open(&config.blob).context("blob")
}

/// The keys under which tokens are digested.
pub fn peppers(config: &Config) -> anyhow::Result<Peppers> {
    Peppers::new([(1, *config.secrets.token_pepper_file.expose())]).context("secrets.token_pepper_file")
}

/// A site that works with the rights of `role`.
pub fn site(config: &Config, role: DatabaseRole, ambient: &Ambient) -> anyhow::Result<Arc<Site>> {
    let redis = match &config.redis {
        Some(redis) => {
            let url = redis.url_file.secret().expose();
            Cache::check_url(url).context("redis.url_file")?;
            Some(url)
        }
        None => None,
    };
    let ticket_key = *config.secrets.ticket_key_file.expose();
    Ok(Site::new(Parts {
        database: database(config, role)?,
        feed_database: connections(config, role, FEED_CONNECTIONS)?,
        blobs: blobs(config)?,
        cache: Cache::open(redis, &ambient.redis_prefix),
        peppers: peppers(config)?,
        tickets: KeyRing::new("1", [("1".to_owned(), ticket_key)]).context("secrets.ticket_key_file")?,
        addresses: Addresses {
            app: config.public.app.as_str().to_owned(),
            index: config.public.index.as_str().to_owned(),
            download: config.public.download.as_str().to_owned(),
        },
        clock: Arc::clone(&ambient.clock),
        entropy: Arc::clone(&ambient.entropy),
        index_cache_bytes: config.limits.index_cache_bytes,
        git_files_bytes: config.limits.git_files_bytes,
        git_cache_bytes: config.limits.git_cache_bytes,
        search_cache_bytes: config.limits.search_cache_bytes,
    }))
}
