//! When a ticket ends: quantised, so that all callers share one address, and shifted per path, so that the tickets of
//! all paths do not end in the same second.

use sha2::{Digest, Sha256};
use wharf_domain::Timestamp;

/// Width of a bucket of time; a ticket lives more than one and at most two of these.
pub const WINDOW_S: i64 = 60;

/// How long after its expiry a ticket is still taken, for clocks that disagree.
pub const SKEW_S: i64 = 5;

/// The second at which a ticket for `path` minted at `now` ends: `now` + 61 to 120 seconds.
///
/// A moment before 1970 counts as 1970, so that the decimal form never has a sign.
#[must_use]
pub fn expiry(path: &str, now: Timestamp) -> i64 {
    let digest = Sha256::digest(path.as_bytes());
    let shift = i64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) % WINDOW_S;
    let windows = wharf_trial::mutant!(TicketLivesLong => 60; 2);
    (now.unix().max(0) - shift).div_euclid(WINDOW_S) * WINDOW_S + shift + windows * WINDOW_S
}

/// Whether a ticket ending at `expiry` is over at `now`.
pub(crate) fn is_over(expiry: i64, now: Timestamp) -> bool {
    now.unix() > expiry.saturating_add(SKEW_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_one_to_two_windows_and_is_shared_within_one() {
        for path in ["/v1/pub/a.crate", "/v1/pub/b.crate", ""] {
            let mut ends = std::collections::BTreeSet::new();
            for now in 1_900_000_000..1_900_000_600 {
                let end = expiry(path, Timestamp::from_unix(now));
                assert!((WINDOW_S + 1..=2 * WINDOW_S).contains(&(end - now)), "{path} {now} {end}");
                ends.insert(end);
            }
            assert!(ends.len() <= 11, "{ends:?}");
        }
    }

    #[test]
    fn paths_do_not_end_together() {
        let now = Timestamp::from_unix(1_900_000_000);
        let ends: std::collections::BTreeSet<_> =
            (0..500).map(|n| expiry(&format!("/v1/pub/{n}.crate"), now)).collect();
        assert_eq!(ends.len(), 60);
    }

    #[test]
    fn skew_is_five_seconds() {
        assert!(!is_over(100, Timestamp::from_unix(105)));
        assert!(is_over(100, Timestamp::from_unix(106)));
        assert!(!is_over(i64::MAX, Timestamp::from_unix(106)));
    }
}
