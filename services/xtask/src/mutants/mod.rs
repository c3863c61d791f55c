//! Holds the tests to their word: every mutant of `wharf-trial` must make the tests fail that are said to catch it.
//!
//! The names and what is wrong with each stand in `services/lib/trial/src/mutants.rs`, who catches them in
//! `services/e2e/tests/mutants.expected`. For each mutant the tests named there are run, and each of them has to fail by an
//! assertion of its own: a crash, a hang or a failure on the way is not a catch. `--all` runs every test for every mutant
//! and tells all that noticed. Both begin without a mutant, when all tests must pass.
//!
//! The binaries are built once, with the mutants alive. The program that ships is built without them, and searched for
//! their names.

mod binaries;
mod report;
mod run;
mod shipped;
mod table;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use binaries::Binaries;
use cargo_metadata::MetadataCommand;
use report::Row;
use run::{Outcome, Runner};
use table::{Mutant, Test};

/// How many mutants are tried at one time.
const AT_ONCE: usize = 2;
/// The longest the tests of one mutant may take.
const SHORT_LIMIT: Duration = Duration::from_secs(90);
/// The longest all tests may take.
const LONG_LIMIT: Duration = Duration::from_secs(1_800);

/// What the command line asks for.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Runs every test for every mutant, and tells all that notice. Takes hours.
    #[arg(long)]
    all: bool,
    /// Tries only the mutants whose names contain this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// A superuser's address on the server where tests make their databases.
    #[arg(long, env = "WHARF_TEST_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let server =
        options.database_url.as_deref().filter(|url| !url.is_empty()).context(
            "WHARF_TEST_DATABASE_URL is not set; start the test services: eval \"$(./deploy/test --services)\"",
        )?;
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let root = metadata.workspace_root.as_std_path();
    let mutants = table::mutants(root)?;
    let expected = table::expected(root, &mutants)?;
    report::compare_docs(root, &mutants, &expected)?;

    let binaries = Binaries::build(root, &metadata, expected.iter().map(|(_, test)| test.target.as_str()))?;
    shipped::check(root, metadata.target_directory.as_std_path(), &mutants, &binaries)?;
    let runner = Runner::new(&binaries, server);
    let wanted: Vec<&Mutant> = mutants
        .iter()
        .filter(|mutant| options.only.as_ref().is_none_or(|text| mutant.name.contains(text.as_str())))
        .collect();
    ensure!(!wanted.is_empty(), "no mutant has a name like that");
    let of = |mutant: &Mutant| -> Vec<Test> {
        expected.iter().filter(|(name, _)| *name == mutant.name).map(|(_, test)| test.clone()).collect()
    };

    let needed: BTreeSet<Test> =
        if options.all { binaries.every_test()? } else { wanted.iter().flat_map(|mutant| of(mutant)).collect() };
    println!("{} tests without a mutant", needed.len());
    let needed: Vec<Test> = needed.into_iter().collect();
    let sound = runner.run(None, &needed, LONG_LIMIT)?;
    let broken: Vec<&Outcome> = sound.iter().filter(|outcome| !outcome.passed()).collect();
    ensure!(broken.is_empty(), "these fail without a mutant:\n{}", said(&broken));

    let (limit, total) = (if options.all { LONG_LIMIT } else { SHORT_LIMIT }, wanted.len());
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let rows: Mutex<Vec<(usize, Row)>> = Mutex::default();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    loop {
                        let at = next.fetch_add(1, Ordering::SeqCst);
                        let Some(mutant) = wanted.get(at) else { return Ok(()) };
                        let tests = if options.all { needed.clone() } else { of(mutant) };
                        let row = Row::new(mutant, options.all, runner.run(Some(&mutant.name), &tests, limit)?);
                        println!("[{:>2}/{total}] {row}", done.fetch_add(1, Ordering::SeqCst) + 1);
                        rows.lock().expect("no worker panics").push((at, row));
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    let mut rows = rows.into_inner().expect("no worker panics");
    rows.sort_by_key(|(at, _)| *at);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    let path = report::write(metadata.target_directory.as_std_path(), &rows)?;
    let escaped: Vec<&Row> = rows.iter().filter(|row| !row.is_caught()).collect();
    if escaped.is_empty() {
        println!(
            "all {total} mutants are caught; see {}",
            path.strip_prefix(root).unwrap_or(Path::new(&path)).display()
        );
        return Ok(());
    }
    let lines: Vec<String> = escaped.iter().map(|row| row.explained()).collect();
    bail!("{} of {total} mutants are not caught as {} says:\n{}", escaped.len(), table::EXPECTED, lines.join("\n"));
}

fn said(outcomes: &[&Outcome]) -> String {
    outcomes.iter().map(|outcome| outcome.explained()).collect::<Vec<_>>().join("\n")
}
