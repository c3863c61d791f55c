//! The program killed at its moments and at random, with the services it stands on; a judge looks at what is left.
//!
//! A run is one misfortune and one judgement. Several clients live their stories (publish, yank, owners, tokens,
//! entitlements, downloads) while a process dies at a named moment, something is killed, a connection is cut at a COMMIT,
//! or a disk is full; then everything is mended, and each story says what must be there, what may be there whole or not
//! at all, and what an honest repetition is answered. Everything a run does comes from its seed, which is printed with
//! what died and how it ended: `WHARF_SEED=… cargo test … --test crash NAME` plays one run again.
//!
//! What is believed is the answer: `200` is there for ever, "nothing was changed" is not there, no answer may be either.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "tests")]

mod caller;
mod commands;
mod encrypted;
mod installation;
mod judge;
mod plan;
mod run;
mod servers;
mod stories;

use installation::{Installation, Shape};
use plan::Plan;
use std::collections::BTreeSet;
use wharf_testkit::chance::{Chance, runs, seeds};

/// Runs in one installation; after more of them its members would meet their limits, as that of tokens.
const RUNS_OF_AN_INSTALLATION: u64 = 200;

/// Runs each plan of the list once, and after that some of them by chance, `count` runs in all; or the one run of
/// `WHARF_SEED`. Returns the moments at which a process really died.
async fn play(test: &str, shape: Shape, plans: &[Plan], count: u64) -> BTreeSet<&'static str> {
    tokio::task::LocalSet::new().run_until(play_here(test, shape, plans, count)).await
}

async fn play_here(test: &str, shape: Shape, plans: &[Plan], count: u64) -> BTreeSet<&'static str> {
    let mut installation = Installation::start(shape).await;
    let replayed = std::env::var_os("WHARF_SEED").is_some();
    let total = u64::try_from(plans.len()).unwrap();
    let mut died_at = BTreeSet::new();
    for number in 0..if replayed { 1 } else { count.max(total) } {
        if number > 0 && number % RUNS_OF_AN_INSTALLATION == 0 {
            std::mem::replace(&mut installation, Installation::start(shape).await).stop().await;
        }
        // Without WHARF_SEED a seed is turned so that its remainder is the plan whose turn it is.
        let fresh =
            if replayed { seeds(test, 1)[0] } else { Chance::new(std::process::id().into()).next() ^ entropy() };
        let turn = if number < total { number } else { fresh % total };
        let seed = if replayed { fresh } else { (fresh / total).min(u64::MAX / total - 1) * total + turn };
        let plan = &plans[usize::try_from(seed % total).unwrap()];
        say(&format!("{test} {}: WHARF_SEED={seed} {plan}", number + 1));
        let began = std::time::Instant::now();
        let outcome = run::run(&mut installation, plan, seed).await;
        if let Some(moment) = outcome.died_at {
            died_at.insert(moment);
        }
        let seconds = began.elapsed().as_secs_f32();
        say(&format!("{test} {}: holds after {seconds:.1} s: {}", number + 1, outcome.line));
    }
    installation.stop().await;
    died_at
}

/// A number that differs from run to run.
fn entropy() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Past the capture of output: the seed of a run that hangs is wanted, too.
fn say(line: &str) {
    use std::io::Write;
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_three_processes_over_a_directory_nothing_acknowledged_is_lost() {
    let died_at = play("directory", Shape::Split, &Plan::over_a_directory(), runs(84, 700)).await;
    if std::env::var_os("WHARF_SEED").is_none() {
        let named: BTreeSet<&str> = wharf_trial::MOMENTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(died_at, named, "the list of moments and the deaths");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_over_s3_nothing_acknowledged_is_lost() {
    let _died_at = play("s3", Shape::Together, &Plan::over_s3(), runs(36, 300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_to_postgres_nothing_acknowledged_is_lost() {
    let _died_at = play("tls", Shape::Encrypted, &Plan::over_tls(), runs(20, 200)).await;
}
