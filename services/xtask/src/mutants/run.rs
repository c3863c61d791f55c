//! Runs tests under one mutant and reads what became of each.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use super::{binaries::Binaries, table::Test};

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    /// It failed by an assertion of its own: where, and the first line of what it said.
    Caught(String),
    /// It failed otherwise, or did not end.
    Lost(String),
}

/// A test, what became of it, and after how long its binary had run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) test: Test,
    pub(crate) end: End,
    pub(crate) after: Duration,
}

impl Outcome {
    pub(crate) fn passed(&self) -> bool {
        self.end == End::Passed
    }

    pub(crate) fn caught(&self) -> bool {
        matches!(self.end, End::Caught(_))
    }

    pub(crate) fn explained(&self) -> String {
        match &self.end {
            End::Passed => format!("  {}: passed", self.test),
            End::Caught(how) => format!("  {}: failed at {how}", self.test),
            End::Lost(how) => format!("  {}: {how}", self.test),
        }
    }
}

/// Runs tests of built binaries.
pub(crate) struct Runner<'a> {
    binaries: &'a Binaries,
    server: &'a str,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(binaries: &'a Binaries, server: &'a str) -> Self {
        Self { binaries, server }
    }

    /// Runs these tests, each binary once, with this mutant or none.
    pub(crate) fn run(&self, mutant: Option<&str>, tests: &[Test], limit: Duration) -> anyhow::Result<Vec<Outcome>> {
        let mut by_binary: BTreeMap<(&str, &str), Vec<&Test>> = BTreeMap::new();
        for test in tests {
            by_binary.entry((&test.package, &test.target)).or_default().push(test);
        }
        let mut outcomes = Vec::new();
        for ((package, target), tests) in by_binary {
            let binary = self.binaries.get(package, target)?;
            let mut command = Command::new(&binary.executable);
            command.current_dir(&binary.folder).arg("--exact").args(tests.iter().map(|test| &test.path));
            // Without a mutant nothing else runs; with one, another mutant is tried on the other processor.
            command.arg(if mutant.is_some() { "--test-threads=1" } else { "--test-threads=2" });
            // Of `WHARF_LONG` as well: every random run of the long mode for every mutant would take days.
            for name in ["WHARF_MUTANT", "WHARF_DIE_AT", "WHARF_LONG", "RUST_BACKTRACE"] {
                command.env_remove(name);
            }
            if let Some(mutant) = mutant {
                command.env("WHARF_MUTANT", mutant);
            }
            let began = Instant::now();
            let (output, end) = self.finish(command, limit)?;
            let after = began.elapsed();
            outcomes.extend(tests.into_iter().map(|test| {
                let end = judge(&test.path, &output, end);
                Outcome { test: test.clone(), end, after }
            }));
        }
        Ok(outcomes)
    }

    /// Runs a binary to its end, or to the limit; removes the databases that failing tests leave behind.
    fn finish(&self, mut command: Command, limit: Duration) -> anyhow::Result<(String, Ended)> {
        let log = tempfile::NamedTempFile::new().context("a file for the output of a test")?;
        let (stdout, stderr) = (log.as_file().try_clone()?, log.as_file().try_clone()?);
        let mut child =
            command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().context("running a test binary")?;
        let ended = wait(&mut child, limit)?;
        self.remove_databases(child.id())?;
        let output = fs::read(log.path()).context("the output of a test")?;
        Ok((String::from_utf8_lossy(&output).into_owned(), ended))
    }

    /// Tests name their databases after their process.
    fn remove_databases(&self, process: u32) -> anyhow::Result<()> {
        let mut psql = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", self.server, "--file", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("running psql (part of the PostgreSQL client package)")?;
        let statement = format!(
            "select format('drop database %I with (force)', datname) from pg_database where datname like 't\\_{process}\\_%' \\gexec\n"
        );
        psql.stdin.take().context("the input of psql")?.write_all(statement.as_bytes())?;
        ensure!(psql.wait()?.success(), "psql could not remove the databases of process {process}");
        Ok(())
    }
}

/// How a test binary ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By itself, with every test ended.
    Itself,
    /// By a signal, or in another way than the harness does.
    Crashed,
    /// At the limit.
    Limit(Duration),
}

fn wait(child: &mut Child, limit: Duration) -> anyhow::Result<Ended> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if matches!(status.code(), Some(0 | 101)) { Ended::Itself } else { Ended::Crashed });
        }
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::Limit(limit));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What became of one test, from the output of the harness.
fn judge(path: &str, output: &str, ended: Ended) -> End {
    let result = output.lines().find_map(|line| line.strip_prefix("test ")?.strip_prefix(path)?.strip_prefix(" ... "));
    match (result, ended) {
        (_, Ended::Limit(limit)) => return End::Lost(format!("not ended after {} s", limit.as_secs())),
        (_, Ended::Crashed) => return End::Lost("the test binary crashed".to_owned()),
        (None, Ended::Itself) => return End::Lost("there is no such test".to_owned()),
        (Some("ok"), Ended::Itself) => return End::Passed,
        (Some(_), Ended::Itself) => {}
    }
    let section = output
        .split_once(&format!("\n---- {path} stdout ----\n"))
        .map_or("", |(_, rest)| rest.split("\n---- ").next().unwrap_or(rest));
    let mut lines = section.lines();
    let mut elsewhere = None;
    while let Some(line) = lines.next() {
        let Some((_, place)) = line.split_once(" panicked at ") else { continue };
        let said = format!("{place} {}", lines.next().unwrap_or_default());
        // Only what a test says itself counts: not a panic of the product, nor of what starts it.
        if place.contains("/tests/") {
            return End::Caught(said);
        }
        elsewhere.get_or_insert(said);
    }
    End::Lost(format!("failed, but not by an assertion of its own: {}", elsewhere.as_deref().unwrap_or("no panic")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 4 tests\ntest a::good ... ok\ntest a::bad ... FAILED\ntest a::worse ... FAILED\n\
        test a::bad_too ... FAILED\n\nfailures:\n\n---- a::bad stdout ----\n\n\
        thread 'tokio' (7) panicked at services/lib/registry/src/x.rs:1:2:\nfirst\n\
        thread 'a::bad' (8) panicked at services/e2e/tests/it/a.rs:10:5:\nassertion failed: it holds\nnote: run\n\n\
        ---- a::worse stdout ----\n\nthread 'a::worse' (9) panicked at services/lib/testkit/src/stack.rs:5:5:\n\
        no database\n\n---- a::bad_too stdout ----\n\nfailures:\n    a::bad\n";

    #[test]
    fn only_a_tests_own_assertion_is_a_catch() {
        assert_eq!(judge("a::good", OUTPUT, Ended::Itself), End::Passed);
        let said = "services/e2e/tests/it/a.rs:10:5: assertion failed: it holds";
        assert_eq!(judge("a::bad", OUTPUT, Ended::Itself), End::Caught(said.to_owned()));
        for (path, ended) in [
            ("a::worse", Ended::Itself),
            ("a::bad_too", Ended::Itself),
            ("a::absent", Ended::Itself),
            ("a::bad", Ended::Crashed),
            ("a::good", Ended::Limit(Duration::from_secs(1))),
        ] {
            assert!(matches!(judge(path, OUTPUT, ended), End::Lost(_)), "{path} {ended:?}");
        }
    }
}
