//! A Redis of the test's own, which it may wipe, stop and start.

use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use wharf_testkit::stack::free_address;

/// A Redis; killed when dropped.
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one. It may take a moment to answer, which is nothing a user of Redis may mind.
    pub(crate) fn start() -> Self {
        let mut server = Self { port: free_address().port(), folder: tempfile::tempdir().unwrap(), child: None };
        server.run();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts it again, empty.
    pub(crate) fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
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
        let status = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "flushall"])
            .stdout(Stdio::null())
            .status()
            .expect("redis-cli comes with redis-server");
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
