//! Crate files by checksum: [`Blobs`] keeps them in a directory, in S3 or in memory.
//!
//! A blob is named by the SHA-256 of its bytes and never changes, so putting it twice is harmless and two writers cannot
//! disagree. Nothing is answered as stored before it is; nothing is served to its end whose bytes do not have the digest
//! they were asked for by. Layout in every backend: `sha256/ab/cd/<hex of the whole digest>`.
//!
//! This crate never knows names, versions, tenants or rights, and never decides whether a blob is still needed: it lists
//! what it holds, with ages, for a collector that does.

mod blobs;
mod config;
mod digest;
mod directory;
mod error;
mod memory;
mod range;
mod s3;
mod stream;

pub use blobs::{Blobs, Listed, PAGE, Page, Put};
pub use config::{BlobConfig, S3Config};
pub use directory::Directory;
pub use error::{BlobError, OpenError};
pub use memory::Memory;
pub use range::Range;
pub use s3::S3;
pub use stream::{BlobStream, CHUNK};
