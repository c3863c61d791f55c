//! The `wharf` program itself, for tests that kill it.

use crate::http::Client;
use crate::stack::Setup;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A running `wharf serve`; killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    log: std::path::PathBuf,
}

/// The program, built in the same profile as the tests; with mutants alive where one is asked for.
#[must_use]
pub fn program() -> std::path::PathBuf {
    if std::env::var_os("WHARF_MUTANT").is_some() { armed_program() } else { built("wharf", "cargo build -p wharf") }
}

/// The program with mutants and moments alive (see `services/lib/trial`).
#[must_use]
pub fn armed_program() -> std::path::PathBuf {
    built("wharf-armed", "cargo build --workspace --features wharf-e2e/trials --bin wharf-armed")
}

fn built(name: &str, by: &str) -> std::path::PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let program = path.join(name);
    assert!(program.exists(), "{} is not built: {by}", program.display());
    program
}

impl ServerProcess {
    /// Starts the program and waits until it is ready.
    pub async fn start(setup: &Setup, environment: &[(&str, &str)]) -> Self {
        let log = setup.directory.path().join("server.log");
        let out = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = Command::new(program())
            .arg("--config")
            .arg(&setup.config_file)
            .arg("serve")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        let mut server = Self { child, log };
        server.ready(&setup.internal).await;
        server
    }

    async fn ready(&mut self, internal: &str) {
        let client = Client::anonymous();
        for _ in 0..3_000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended ({status}): {}", self.log());
            }
            if tokio::net::TcpStream::connect(internal.trim_start_matches("http://")).await.is_ok()
                && client.get(&format!("{internal}/readyz")).await.status == 200
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server did not become ready: {}", self.log());
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the program has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends the program as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends the program a signal, by its name: `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill -s {name}");
    }

    /// Waits until the program has ended by itself, and gives its status.
    pub async fn exit(&mut self) -> ExitStatus {
        assert!(self.ended().await, "the server does not end: {}", self.log());
        self.child.wait().unwrap()
    }

    /// Waits until the program has ended by itself; says whether it did within about a minute.
    pub async fn ended(&mut self) -> bool {
        for _ in 0..3_000 {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
