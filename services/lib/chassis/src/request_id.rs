//! The identity of a request: made here, never taken from outside, shown in the answer and in every log line.

use rand::Rng;
use std::fmt;
use wharf_domain::Entropy;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 96 random bits as 24 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 24]);

impl RequestId {
    /// A new identity.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 12];
        entropy.fill(&mut bytes);
        Self::of(bytes)
    }

    /// A new identity out of a generator that is itself seeded with entropy.
    pub(crate) fn drawn(generator: &mut impl Rng) -> Self {
        let mut bytes = [0; 12];
        generator.fill_bytes(&mut bytes);
        wharf_trial::mutant!(RequestIdsCount {
            static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            bytes = [0; 12];
            bytes[4..].copy_from_slice(&LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes());
        });
        Self::of(bytes)
    }

    fn of(bytes: [u8; 12]) -> Self {
        let mut digits = [0; 24];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        Self(digits)
    }

    /// The identity of the request that this task serves; `None` outside of the frame.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }

    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
