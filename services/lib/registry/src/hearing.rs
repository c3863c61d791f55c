//! Whether this process still hears of changes. Without the feed it knows nothing of a right that was taken away since.

use crate::credentials::LIFE;
use crate::{Error, Result, Site};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the feed was last read to its end and applied.
#[derive(Debug)]
pub(crate) struct Hearing {
    made: Instant,
    /// Milliseconds after `made`.
    last: AtomicU64,
}

impl Hearing {
    pub(crate) fn new() -> Self {
        Self { made: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Everything that had happened at this moment is known.
    pub(crate) fn heard_all_until(&self, moment: Instant) {
        let after = moment.saturating_duration_since(self.made).as_millis();
        self.last.fetch_max(u64::try_from(after).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn silent_for(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::SeqCst)))
    }
}

impl Site {
    /// Whether this process knows what everyone may see without a credential. It does not believe itself for longer than it
    /// believes a credential that it looked up.
    ///
    /// Errors: [`Error::unavailable`] when it has not heard of changes for [`LIFE`].
    pub fn require_hearing(&self) -> Result<()> {
        if self.hearing.silent_for() < wharf_trial::mutant!(PublicForEver => Duration::MAX; LIFE) {
            return Ok(());
        }
        Err(Error::unavailable("the feed of changes has not been read for too long"))
    }
}
