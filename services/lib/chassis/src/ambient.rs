//! The real clock and the real randomness. The one place that may ask the operating system for either.

use time::OffsetDateTime;
use wharf_domain::{Clock, Entropy, Timestamp};

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that all others are handed")]
    fn now(&self) -> Timestamp {
        Timestamp::new(OffsetDateTime::now_utc())
    }
}

/// The random number generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Going on without randomness would mint guessable secrets, so this must not be an error someone handles.
        getrandom::fill(buffer).expect("the operating system always has randomness once it has booted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_are_real() {
        assert!(SystemClock.now() > Timestamp::parse("2025-01-01T00:00:00Z").unwrap());
        assert_ne!(OsEntropy.uuid(), OsEntropy.uuid());
    }
}
