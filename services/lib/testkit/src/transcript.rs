//! What a person would have seen: commands and what cargo answered, in order, as one text.
//!
//! Only what cargo itself leaves to chance is put in order here; ports, durations and sizes are the snapshot's filters.

use crate::cargo::{Cargo, Finished};
use std::fmt::Write;
use std::path::Path;

/// A growing record of commands and answers.
#[derive(Debug, Default)]
pub struct Transcript(String);

impl Transcript {
    /// Notes who acts and why.
    pub fn say(&mut self, text: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        writeln!(self.0, "{gap}# {text}").unwrap();
    }

    /// Notes a command of the shell that is not run here, for it was done in another way.
    pub fn shell(&mut self, command: &str) {
        writeln!(self.0, "$ {command}").unwrap();
    }

    /// Runs cargo and notes what it printed.
    pub async fn run(&mut self, cargo: &Cargo, directory: &Path, arguments: &[&str]) -> Finished {
        let finished = cargo.run(directory, arguments).await;
        self.note(&arguments.join(" "), finished)
    }

    /// Logs in at a terminal and notes what was on it.
    pub async fn login(&mut self, cargo: &Cargo, directory: &Path, token: &str) -> Finished {
        let finished = cargo.login(directory, token).await;
        self.note(&format!("login --registry {}", cargo.registry), finished)
    }

    fn note(&mut self, arguments: &str, finished: Finished) -> Finished {
        self.shell(&format!("cargo {arguments}"));
        self.0 += &finished.told();
        finished
    }

    /// The whole record.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Finished {
    /// Everything cargo printed, and whether it failed. Files that were fetched at once are told in the order of their
    /// names, for they arrive in any.
    #[must_use]
    pub fn told(&self) -> String {
        let mut lines: Vec<&str> = self.stderr.lines().chain(self.stdout.lines()).map(str::trim_end).collect();
        for run in lines.chunk_by_mut(|a, b| [a, b].iter().all(|line| line.trim_start().starts_with("Downloaded "))) {
            run.sort_unstable();
        }
        if !self.success {
            lines.push("[failed]");
        }
        lines.into_iter().fold(String::new(), |text, line| text + line + "\n")
    }
}
