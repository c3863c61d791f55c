//! A Redis of the test's own, which it may wipe, stop and start.

use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use wharf_testkit::stack::free_address;

/// A Redis; killed when dropped.
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
    password: Option<String>,
}

impl RedisServer {
    /// Starts one. It may take a moment to answer, which is nothing a user of Redis may mind.
    pub(crate) fn start() -> Self {
        Self::start_as(None)
    }

    /// Starts one that asks for a password.
    pub(crate) fn start_with_password(password: &str) -> Self {
        Self::start_as(Some(password.to_owned()))
    }

    fn start_as(password: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { port: free_address().port(), folder, child: None, password };
        server.run();
        server
    }

    pub(crate) fn url(&self) -> String {
        let login = self.password.as_ref().map_or_else(String::new, |password| format!(":{password}@"));
        format!("redis://{login}127.0.0.1:{}/", self.port)
    }

    /// Its command line client.
    pub(crate) fn client(&self) -> Command {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &self.port.to_string()]);
        if let Some(password) = &self.password {
            client.args(["--no-auth-warning", "-a", password]);
        }
        client
    }

    /// Starts it again, empty.
    pub(crate) fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .args(self.password.iter().flat_map(|password| ["--requirepass", password]))
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed; run ./deploy/test, which sees to it");
        self.child = Some(child);
    }

    /// Stops it without a word.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Takes everything out of it.
    pub(crate) fn wipe(&self) {
        let status =
            self.client().arg("flushall").stdout(Stdio::null()).status().expect("redis-cli comes with redis-server");
        assert!(status.success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
