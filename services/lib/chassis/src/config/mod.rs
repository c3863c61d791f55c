//! Configuration: one TOML file, then the environment over it, into one struct of shared sections.
//!
//! Unknown keys are refused in both. Secrets are never values here, only the names of files ([`SecretFile`],
//! [`KeyFile`]). An error names the key and where it came from. Key names may change between releases only with a note
//! in the changelog; `deploy/` holds samples that tests parse.

mod load;
mod public_url;
mod secret_file;

pub use load::{ConfigError, load, load_from};
pub use public_url::PublicUrl;
pub use secret_file::{KeyFile, SecretFile};

use crate::hosts::HostPattern;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU64;

/// The configuration of every Wharf process. `B` is the section of the blob store, which belongs to that crate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound = "B: serde::de::DeserializeOwned")]
pub struct Config<B> {
    /// The addresses that clients use.
    pub public: Public,
    /// The addresses that the processes listen on.
    pub listen: Listen,
    /// PostgreSQL.
    pub database: Database,
    /// Redis; without it everything works, a little later.
    pub redis: Option<Redis>,
    /// Where crate files lie.
    pub blob: B,
    /// Keys.
    pub secrets: Secrets,
    /// Sizes and times that bound what a request may cost.
    #[serde(default)]
    pub limits: Limits,
    /// What is logged, and how.
    #[serde(default)]
    pub log: Log,
}

/// Public base addresses. Every URL handed out is built from these, never from a request's `Host`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// Dashboard, JSON API and cargo web API.
    pub app: PublicUrl,
    /// Sparse and git indexes.
    pub index: PublicUrl,
    /// Downloads.
    pub download: PublicUrl,
    /// Other hosts under which clients may reach the three. A request for any other host is refused.
    #[serde(default)]
    pub other_hosts: Vec<HostPattern>,
}

/// Addresses to listen on; port 0 takes any free port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Of `wharf-api`.
    pub app: SocketAddr,
    /// Of `wharf-index`.
    pub index: SocketAddr,
    /// Of `wharf-download`.
    pub download: SocketAddr,
    /// Of health and metrics; never reachable from outside.
    pub internal: SocketAddr,
    /// Networks of the proxies whose `X-Forwarded-For` counts.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
}

/// PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// File with the URL of the role that owns the schema; migrations use it.
    pub owner_url_file: SecretFile<8>,
    /// File with the password of the service roles.
    pub service_password_file: SecretFile<16>,
    /// Connections each process may hold.
    #[serde(default = "Database::default_connections")]
    pub max_connections: u32,
}

impl Database {
    fn default_connections() -> u32 {
        10
    }
}

/// Redis.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// File with the URL, `redis://user:password@host:6379/0`.
    pub url_file: SecretFile<8>,
}

/// Keys, each in a file of 64 hexadecimal digits (`openssl rand -hex 32`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Keys the digests under which tokens are stored.
    pub token_pepper_file: KeyFile,
    /// Signs download tickets.
    pub ticket_key_file: KeyFile,
}

/// Sizes and times that bound what a request may cost.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest body of any request that is not a publish.
    pub body_bytes: usize,
    /// Memory the index may use for what it holds.
    pub index_cache_bytes: u64,
    /// Memory git indexes may use for index files; the registry used last is held however large.
    pub git_files_bytes: u64,
    /// Memory git indexes may use for directories and filtered files, beyond the index files themselves.
    pub git_cache_bytes: u64,
    /// Memory searches may use for what each view shows: some 80 bytes a crate.
    pub search_cache_bytes: u64,
    /// Time for which PostgreSQL may say nothing while an answer of it is waited for; then the connection is given up.
    pub database_silence_s: NonZeroU64,
    /// Threads that serve requests in each service; 0 means one per processor.
    pub workers: usize,
    /// Open connections each worker accepts before it lets new ones wait.
    pub connections_per_worker: usize,
    /// Time a client has to send the head of a request.
    pub request_head_timeout_s: u64,
    /// Time after which a connection is ended whose client takes nothing of what is sent to it.
    pub write_stall_s: u64,
    /// Time an idle connection is kept.
    pub keep_alive_s: u64,
    /// Time running requests have to finish at shutdown.
    pub stop_grace_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            index_cache_bytes: 512 << 20,
            git_files_bytes: 1 << 30,
            git_cache_bytes: 256 << 20,
            search_cache_bytes: 64 << 20,
            database_silence_s: const { NonZeroU64::new(30).expect("more than nothing") },
            workers: 0,
            connections_per_worker: 10_000,
            request_head_timeout_s: 10,
            write_stall_s: 60,
            keep_alive_s: 75,
            stop_grace_s: 20,
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One JSON object or one line of text for each event.
    pub format: LogFormat,
    /// A level, or `target=level` pairs: `info`, `info,wharf::access=warn`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Json, level: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For machines.
    Json,
    /// For people.
    Text,
}

#[cfg(test)]
mod tests;
