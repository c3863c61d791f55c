//! Runs the installed git, far from the configuration of whoever runs the tests.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs git in `directory` with `input`; panics with its output if it fails, and returns what it said.
pub(crate) fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> String {
    let (success, output) = try_git(directory, arguments, input);
    assert!(success, "git {arguments:?}: {output}");
    output
}

/// Like [`git`], for what may fail.
pub(crate) fn try_git(directory: &Path, arguments: &[&str], input: &[u8]) -> (bool, String) {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A git that has seen enough closes the pipe; its exit code tells what it thought.
    std::thread::scope(|scope| {
        scope.spawn(move || drop(std::io::Write::write_all(&mut stdin, input)));
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    })
}
