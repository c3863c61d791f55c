//! Blobs in memory: for tests of what stands above.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream;
use wharf_domain::{Clock, Timestamp};

use crate::blobs::{Listed, PAGE, Page, Put};
use crate::error::BlobError;
use crate::range::Range;
use crate::stream::BlobStream;

type Held = BTreeMap<[u8; 32], (Bytes, Timestamp)>;

/// A backend that forgets everything when it is dropped.
pub struct Memory {
    held: Mutex<Held>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    /// An empty one; the clock gives the ages.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { held: Mutex::default(), clock }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each use is a single call of the map: a panic elsewhere cannot leave it half-changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, sha256: [u8; 32], bytes: Bytes) -> Put {
        let now = self.clock.now();
        let mut put = Put::Existed;
        self.held().entry(sha256).or_insert_with(|| {
            put = Put::Created;
            (bytes, now)
        });
        put
    }

    pub(crate) fn get(&self, sha256: [u8; 32], range: Option<Range>) -> Result<Option<BlobStream>, BlobError> {
        let Some((bytes, _)) = self.held().get(&sha256).cloned() else { return Ok(None) };
        let len = bytes.len() as u64;
        let range = match range {
            Some(range) => range.resolve(len).ok_or(BlobError::Range { len })?,
            None => 0..len,
        };
        let part = bytes.slice(range.start as usize..range.end as usize);
        Ok(Some(BlobStream::checked(sha256, len, range, stream::iter([Ok(part)]))))
    }

    pub(crate) fn stat(&self, sha256: [u8; 32]) -> Option<u64> {
        self.held().get(&sha256).map(|(bytes, _)| bytes.len() as u64)
    }

    pub(crate) fn delete(&self, sha256: [u8; 32]) {
        self.held().remove(&sha256);
    }

    pub(crate) fn list(&self, after: Option<[u8; 32]>) -> Page {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let held = self.held();
        let rest = held.range((from, Bound::Unbounded)).take(PAGE + 1);
        Page::cut(
            rest.map(|(sha256, (bytes, at))| Listed { sha256: *sha256, len: bytes.len() as u64, stored_at: *at })
                .collect(),
        )
    }
}
