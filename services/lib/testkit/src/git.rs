//! Drives real git: with its own home and configuration, so that nothing of the machine's user has a part in it.

use crate::cargo::Finished;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A git with its own home.
#[derive(Debug)]
pub struct Git {
    home: TempDir,
}

impl Git {
    /// A git without a credential: where one is asked for it fails instead of prompting.
    #[must_use]
    pub fn anonymous() -> Self {
        let home = tempfile::Builder::new().prefix("git home ").tempdir().unwrap();
        Self { home }
    }

    /// A git that keeps a token for a server in `~/.git-credentials`, as people do: user name `token`, token as password.
    #[must_use]
    pub fn with_token(server: &str, token: &str) -> Self {
        let git = Self::anonymous();
        let (scheme, host) = server.split_once("://").unwrap();
        let home = git.home.path();
        std::fs::write(home.join(".git-credentials"), format!("{scheme}://token:{token}@{host}\n")).unwrap();
        std::fs::write(home.join(".gitconfig"), "[credential]\n\thelper = store\n").unwrap();
        git
    }

    /// Runs git in a directory.
    pub async fn run(&self, directory: &Path, arguments: &[&str]) -> Finished {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(&name);
            }
        }
        command
            .args(arguments)
            .current_dir(directory)
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Finished {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its home, where it may also work.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}
