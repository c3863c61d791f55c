//! Drives real cargo: each driver has its own home, so nothing of the machine's user is read or written.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// How a credential is given to cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// The bare token.
    Raw,
    /// `Token <token>`.
    Token,
    /// `Bearer <token>`.
    Bearer,
    /// `Basic` with `token:<token>`.
    Basic,
}

impl TokenForm {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Token, Self::Bearer, Self::Basic];

    /// The value cargo is configured with.
    #[must_use]
    pub fn value(self, token: &str) -> String {
        use base64::Engine;
        match self {
            Self::Raw => token.to_owned(),
            Self::Token => format!("Token {token}"),
            Self::Bearer => format!("Bearer {token}"),
            Self::Basic => {
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("token:{token}")))
            }
        }
    }
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whether it succeeded.
    pub success: bool,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Finished {
    /// Insists on success.
    #[must_use]
    pub fn ok(self) -> Self {
        assert!(self.success, "cargo failed:\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Insists on failure.
    #[must_use]
    pub fn fails(self) -> Self {
        assert!(!self.success, "cargo succeeded:\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// A cargo with its own home and one registry.
pub struct Cargo {
    home: TempDir,
    program: PathBuf,
    leading: Vec<String>,
    /// The name of the registry in cargo's configuration.
    pub registry: String,
    filters: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Cargo {
    /// The cargo that runs the tests.
    #[must_use]
    pub fn current(registry: &str, index: &str) -> Self {
        let program = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        Self::new(program, Vec::new(), registry, index)
    }

    /// An older or newer cargo that `./deploy/test` has fetched (`c165`, `c185`, `c196`); `None` when it could not.
    #[must_use]
    pub fn client(name: &str, registry: &str, index: &str) -> Option<Self> {
        let clients = PathBuf::from(std::env::var_os("WHARF_TEST_CLIENTS").filter(|path| !path.is_empty())?);
        let program = clients.join("cargo-client");
        clients.join(name).is_dir().then(|| Self::new(program, vec![name.to_owned()], registry, index))
    }

    fn new(program: PathBuf, leading: Vec<String>, registry: &str, index: &str) -> Self {
        let home = tempfile::Builder::new().prefix("cargo home ").tempdir().unwrap();
        let config = format!(
            "[registries.{registry}]\nindex = \"{index}\"\n\n[registry]\nglobal-credential-providers = [\"cargo:token\"]\n\n\
             [net]\nretry = 0\n\n[term]\ncolor = \"never\"\n"
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        Self { home, program, leading, registry: registry.to_owned(), filters: Vec::new(), environment: Vec::new() }
    }

    /// Uses a token, given by environment variable as CI does.
    #[must_use]
    pub fn token(mut self, value: &str) -> Self {
        let name = self.registry.to_uppercase().replace('-', "_");
        self.environment.retain(|(key, _)| !key.ends_with("_TOKEN"));
        self.environment.push((format!("CARGO_REGISTRIES_{name}_TOKEN"), value.to_owned()));
        self.filters.push((value.to_owned(), "[TOKEN]".to_owned()));
        self
    }

    /// Adds lines to cargo's configuration.
    #[must_use]
    pub fn configure(self, lines: &str) -> Self {
        let path = self.home.path().join("config.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{text}\n{lines}\n")).unwrap();
        self
    }

    /// Sets a variable of cargo's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces a text in what is shown. Earlier replacements win.
    #[must_use]
    pub fn filter(mut self, from: &str, to: &str) -> Self {
        self.filters.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Where cargo keeps its things.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs cargo in a directory.
    pub async fn run<S: AsRef<OsStr>>(&self, directory: &Path, arguments: &[S]) -> Finished {
        self.run_with_input(directory, arguments, "").await
    }

    /// Runs cargo in a directory, with something piped into it.
    pub async fn run_with_input<S: AsRef<OsStr>>(&self, directory: &Path, arguments: &[S], input: &str) -> Finished {
        let mut command = self.command(&self.program, directory);
        command.args(&self.leading).args(arguments).stderr(Stdio::piped());
        let input = input.to_owned();
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            // Cargo that asks for nothing may close its end first.
            let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait_with_output().unwrap()
        })
        .await
        .unwrap();
        Finished {
            success: output.status.success(),
            stdout: self.shown(&output.stdout, directory),
            stderr: self.shown(&output.stderr, directory),
        }
    }

    /// Logs in as a person does, at a terminal: cargo prompts nobody else. The answer is typed when the prompt is there.
    pub async fn login(&self, directory: &Path, token: &str) -> Finished {
        // `script` gives cargo a terminal; `timeout` ends a wait for a prompt that never comes.
        let mut command = self.command(Path::new("timeout"), directory);
        command
            .args(["60", "script", "--quiet", "--return", "--command"])
            .arg(format!("exec \"$PROGRAM\" login --registry {}", self.registry))
            .arg("/dev/null")
            .env("PROGRAM", &self.program)
            .env("SHELL", "/bin/sh");
        let token = token.to_owned();
        let (status, seen) = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let (mut seen, mut part, mut typed) = (Vec::new(), [0; 1024], false);
            let mut length = output.read(&mut part).unwrap();
            while length > 0 {
                seen.extend_from_slice(&part[..length]);
                if !typed && String::from_utf8_lossy(&seen).contains(" below\r\n") {
                    input.write_all(format!("{token}\n").as_bytes()).unwrap();
                    typed = true;
                }
                length = output.read(&mut part).unwrap();
            }
            (child.wait().unwrap(), seen)
        })
        .await
        .unwrap();
        let stderr = self.shown(&seen, directory).replace('\r', "");
        Finished { success: status.success(), stdout: String::new(), stderr }
    }

    fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO") || text.starts_with("RUSTC") || text == "DATABASE_URL" || text == "RUST_LOG" {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(directory)
            .env("CARGO_HOME", self.home.path())
            .env("CLIENT_CARGO_HOME", self.home.path())
            .env("CARGO_TARGET_DIR", self.home.path().join("target"))
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    fn shown(&self, bytes: &[u8], directory: &Path) -> String {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for (from, to) in &self.filters {
            text = text.replace(from, to);
        }
        text = text.replace(self.home.path().to_str().unwrap(), "[HOME]");
        text.replace(directory.to_str().unwrap(), "[DIR]")
    }
}

/// A package on disk.
pub struct Package {
    directory: TempDir,
}

impl Package {
    /// A library package with this manifest; further files by path and text.
    #[must_use]
    pub fn new(manifest: &str, files: &[(&str, &str)]) -> Self {
        let package = Self { directory: tempfile::Builder::new().prefix("package ").tempdir().unwrap() };
        package.write("Cargo.toml", manifest);
        for (path, text) in files {
            package.write(path, text);
        }
        package
    }

    /// Writes a file of the package.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file of the package.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
