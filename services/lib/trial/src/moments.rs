//! Where a trial may kill the program.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Every moment by name, and what has happened by then.
pub const MOMENTS: &[(&str, &str)] = &[
    ("publish: file stored", "the crate file is stored, the transaction has not begun"),
    ("settle: before commit", "a mutation is written, announced and audited, and not committed"),
    ("settle: committed", "a mutation is committed, nobody has been told"),
    ("settle: followed", "every replica has applied a mutation, the client has not been told"),
];

struct Death {
    at: String,
    times: u32,
    met: AtomicU32,
}

fn death() -> Option<&'static Death> {
    static DEATH: OnceLock<Option<Death>> = OnceLock::new();
    DEATH
        .get_or_init(|| {
            let asked = std::env::var("WHARF_DIE_AT").ok()?;
            let (at, times) = match asked.split_once('#') {
                Some((at, times)) => (at.to_owned(), times.parse().expect("WHARF_DIE_AT=NAME#TIMES")),
                None => (asked, 1),
            };
            assert!(MOMENTS.iter().any(|(name, _)| *name == at), "WHARF_DIE_AT: there is no moment called {at:?}");
            Some(Death { at, times, met: AtomicU32::new(0) })
        })
        .as_ref()
}

/// Dies here when this is the moment asked for. Nothing is flushed and nothing is dropped, as with `kill -9`.
pub fn reached(name: &'static str) {
    debug_assert!(MOMENTS.iter().any(|(known, _)| *known == name), "{name:?} is missing in moments.rs");
    if let Some(death) = death()
        && death.at == name
        && death.met.fetch_add(1, Ordering::SeqCst) + 1 == death.times
    {
        std::process::abort();
    }
}
