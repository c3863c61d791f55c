//! Publish bodies made and judged by the thousand: `WHARF_LONG=1` makes ten thousand.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wharf_fuzz::uploads::{self, Fate, judge};
use wharf_testkit::chance::{Chance, runs, seeds};

/// Most memory that judging may add to the process, whatever the uploads are: far less than what the largest of them
/// would inflate to if nobody stopped it.
const MEMORY_KIB_MAX: u64 = 192 * 1024;

#[test]
fn every_upload_meets_its_fate() {
    let count = runs(400, 10_000);
    let before = memory_kib("VmHWM:");
    for seed in seeds("every_upload_meets_its_fate", 1) {
        let mut fates = BTreeMap::new();
        let mut wrong = Vec::new();
        for number in 0..count {
            let mut chance = Chance::new(seed.wrapping_add(number));
            let upload = uploads::make(&mut chance, None, uploads::OWN_INDEX);
            if let Err(cause) = catch_unwind(AssertUnwindSafe(|| judge(&upload))) {
                let cause = cause.downcast_ref::<String>().map_or("", String::as_str);
                wrong.push(format!("WHARF_SEED={}: {:?}\n  {cause}", seed.wrapping_add(number), upload.story));
            }
            if wrong.len() >= 20 {
                break;
            }
            let fate = match (&upload.fate, uploads::submit(&upload.body)) {
                (Fate::Open, Ok(_)) => "changed at random and accepted",
                (Fate::Open, Err(_)) => "changed at random and refused",
                (Fate::Accepted, _) if upload.story.is_empty() => "sound",
                (Fate::Accepted, _) => "changed and still sound",
                (Fate::Refused(_), _) => "refused",
            };
            *fates.entry(fate).or_insert(0_u64) += 1;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        std::io::stderr().write_all(format!("{count} uploads: {fates:?}\n").as_bytes()).unwrap();
        // A run that met hardly any sound upload, or hardly any refusal, would prove little.
        if count >= 400 {
            assert!(fates["sound"] * 50 > count && fates["refused"] * 4 > count, "{fates:?}");
            assert!(fates["changed and still sound"] * 50 > count, "{fates:?}");
        }
    }
    let used = memory_kib("VmHWM:") - before;
    assert!(used < MEMORY_KIB_MAX, "judging took {used} KiB");
}

/// A number the kernel tells of this process.
fn memory_kib(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
