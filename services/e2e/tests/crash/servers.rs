//! Servers of a test's own: Postgres with fsync, Redis, an S3 server. Killed, and started again with what their disks hold.

use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;
use wharf_testkit::front::{Authority, ServerCertificate};
use wharf_testkit::stack::free_address;
use wharf_testkit::{setting, until};

const PASSWORD: &str = "of-the-crash-tests";

/// Waits for a child that was told to end.
pub(crate) fn reap(child: &mut Child) {
    let _already_gone = child.kill();
    child.wait().unwrap();
}

/// A Postgres whose commits survive a kill. Whoever wants to speaks TLS with it.
pub(crate) struct Postgres {
    folder: TempDir,
    pub(crate) authority: Authority,
    address: SocketAddr,
    child: Option<Child>,
}

/// The newest installed Postgres.
fn postgres_binaries() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL must be installed; run ./deploy/test, which sees to it")
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let major = path.file_name()?.to_str()?.parse().ok()?;
            path.join("bin/postgres").exists().then(|| (major, path.join("bin")))
        })
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL must be installed; run ./deploy/test, which sees to it").1
}

/// A program of Postgres, which refuses to run as root.
fn postgres_command(program: &str) -> Command {
    let program = postgres_binaries().join(program);
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root {
        let group = Command::new("id").args(["-g", "postgres"]).output().unwrap().stdout;
        let mut command = Command::new("setpriv");
        command.arg("--reuid=postgres").arg(format!("--regid={}", String::from_utf8(group).unwrap().trim()));
        command.args(["--clear-groups", "--no-new-privs"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env("LC_ALL", "C.UTF-8").current_dir("/").stdin(Stdio::null());
    command
}

/// Makes the account of Postgres the owner of a path.
fn give_to_postgres(path: &Path) {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let status = Command::new("chown").arg("postgres").arg(path).status().unwrap();
        assert!(status.success());
    }
}

/// A folder that the account of Postgres may use.
fn postgres_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("wharf-crash-pg-").tempdir().unwrap();
    give_to_postgres(folder.path());
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

/// A cluster made once, from which the others are copied.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let folder = TEMPLATE.get_or_init(|| {
        let folder = postgres_folder();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let output = postgres_command("initdb")
            .args(["-U", "wharf", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(folder.path().join("data"))
            .arg("--pwfile")
            .arg(&password)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    });
    folder.path()
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let folder = tokio::task::spawn_blocking(|| {
            let folder = postgres_folder();
            let status = Command::new("cp").arg("-a").arg(template().join("data")).arg(folder.path()).status().unwrap();
            assert!(status.success());
            folder
        })
        .await
        .unwrap();
        let authority = Authority::generate();
        std::fs::write(folder.path().join("authority.pem"), authority.certificate()).unwrap();
        // Among the settings and not on the command line, so that a test can switch it off.
        let settings = std::fs::OpenOptions::new().append(true).open(folder.path().join("data/postgresql.conf"));
        settings.unwrap().write_all(b"\nssl = on\n").unwrap();
        let mut server = Self { folder, authority, address: free_address(), child: None };
        server.show(&server.authority.issue());
        server.run().await;
        server
    }

    /// Lays down the certificate that it shows from its next start or reading of its settings.
    pub(crate) fn show(&self, certificate: &ServerCertificate) {
        for (name, text) in [("server.crt", &certificate.certificate), ("server.key", &certificate.key)] {
            let path = self.folder.path().join("data").join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            give_to_postgres(&path);
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file of the authority under which it speaks TLS.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The owner's address of a database, by way of `at`, that demands TLS and a certificate by the server's authority.
    pub(crate) fn encrypted_url(&self, at: SocketAddr, database: &str) -> String {
        verified_url(at, database, &self.authority_file())
    }

    /// Whether the program's sessions in a database speak TLS, by role and process.
    pub(crate) async fn encrypted_sessions(&self, database: &str) -> BTreeMap<(String, i32), bool> {
        let sessions: Vec<(String, i32, bool)> = sqlx::query_as(
            "select usename::text, pid, ssl from pg_stat_activity join pg_stat_ssl using (pid)
             where datname = $1 and usename like 'wharf\\_%'",
        )
        .bind(database)
        .fetch_all(&mut self.superuser("postgres").await)
        .await
        .unwrap();
        sessions.into_iter().map(|(role, process, encrypted)| ((role, process), encrypted)).collect()
    }

    /// The owner's address of a database, by way of `at`.
    pub(crate) fn url(at: SocketAddr, database: &str) -> String {
        format!("postgres://wharf:{PASSWORD}@{at}/{database}?sslmode=disable")
    }

    /// A connection as superuser that no fault touches.
    pub(crate) async fn superuser(&self, database: &str) -> PgConnection {
        PgConnection::connect(&Self::url(self.address, database)).await.unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Starts it, with recovery when it was killed, and waits until it answers.
    pub(crate) async fn run(&mut self) {
        let log = self.folder.path().join("log");
        until("Postgres answers", async || {
            // The processes of one that was killed linger for a moment, and a new one refuses to start beside them.
            if !self.is_running() {
                let log = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
                let mut command = postgres_command("postgres");
                command.arg("-D").arg(self.folder.path().join("data"));
                for setting in [
                    &format!("port={}", self.address.port()),
                    "listen_addresses=127.0.0.1",
                    "unix_socket_directories=",
                    "max_connections=200",
                    "shared_buffers=32MB",
                    "fsync=on",
                    "full_page_writes=on",
                    "synchronous_commit=on",
                ] {
                    command.args(["-c", setting]);
                }
                self.child = Some(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
            }
            PgConnection::connect(&Self::url(self.address, "postgres")).await.is_ok()
        })
        .await;
    }

    /// `kill -9` of the postmaster.
    pub(crate) fn kill(&mut self) {
        reap(self.child.as_mut().unwrap());
    }

    /// An immediate shutdown: every session is cut where it stands.
    pub(crate) fn quit(&mut self) {
        let child = self.child.as_mut().unwrap();
        let status = Command::new("kill").args(["-s", "QUIT", &child.id().to_string()]).status().unwrap();
        assert!(status.success());
        child.wait().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.is_running() {
            self.quit();
        }
    }
}

/// The owner's address of a database that demands TLS and a certificate by the authority in a file.
pub(crate) fn verified_url(at: SocketAddr, database: &str, authority: &Path) -> String {
    let authority = authority.to_str().unwrap().replace(' ', "%20");
    format!("postgres://wharf:{PASSWORD}@{at}/{database}?sslmode=verify-full&sslrootcert={authority}")
}

/// A Redis, empty whenever it starts.
pub(crate) struct Redis {
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().unwrap(), address: free_address(), child: None };
        server.run();
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it. It may take a moment to answer, which is nothing a user of Redis may mind.
    pub(crate) fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(self.address.port().to_string())
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed; run ./deploy/test, which sees to it");
        self.child = Some(child);
    }

    pub(crate) fn kill(&mut self) {
        reap(self.child.as_mut().unwrap());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An S3 server over a directory.
pub(crate) struct S3 {
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl S3 {
    pub(crate) const BUCKET: &str = "wharf-crash";
    pub(crate) const ACCESS_KEY: &str = "wharf-crash";
    pub(crate) const SECRET_KEY: &str = "secret-of-the-crash-tests";

    pub(crate) async fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().unwrap(), address: free_address(), child: None };
        std::fs::create_dir_all(server.bucket()).unwrap();
        server.run().await;
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the objects lie, as files.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.path().join("buckets").join(Self::BUCKET)
    }

    pub(crate) async fn run(&mut self) {
        let program = Path::new(&setting("WHARF_TEST_CLIENTS")).join("../tools/bin/s3s-fs");
        let child = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &self.address.port().to_string()])
            .args(["--access-key", Self::ACCESS_KEY, "--secret-key", Self::SECRET_KEY])
            .arg(self.folder.path().join("buckets"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("s3s-fs must be installed; run ./deploy/test, which sees to it");
        self.child = Some(child);
        let address = self.address;
        until("the S3 server listens", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
    }

    pub(crate) fn kill(&mut self) {
        reap(self.child.as_mut().unwrap());
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}
