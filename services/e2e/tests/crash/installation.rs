//! A whole installation of the program, in processes that die one by one, on servers that die as well.

use crate::caller::Caller;
use crate::judge::{Judge, Proven};
use crate::servers::{Postgres, Redis, S3};
use sqlx::Connection;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use wharf::assemble::Ambient;
use wharf::commands;
use wharf_testkit::database::SERVICE_PASSWORD;
use wharf_testkit::fault_proxy::{FaultProxy, Protocol};
use wharf_testkit::process::armed_program;
use wharf_testkit::stack::free_address;
use wharf_testkit::{Client, CrateFixture, until};

/// A crate that is there from the beginning.
pub(crate) const KNOWN: &str = "known";
/// A member of the org beside its owner.
pub(crate) const FRIEND: &str = "friend";
const DATABASE: &str = "wharf";

/// How the program runs, and where its files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A process for each service, files in a directory.
    Split,
    /// One process, files in S3.
    Together,
    /// A process for each service, files in a directory, TLS towards Postgres.
    Encrypted,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Api,
    Index,
    Download,
    All,
}

impl Part {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Api => &["--service", "api"],
            Self::Index => &["--service", "index"],
            Self::Download => &["--service", "download"],
            Self::All => &[],
        }
    }
}

/// A configuration and its secrets, in a directory.
pub(crate) struct Configured {
    pub(crate) folder: TempDir,
    pub(crate) file: PathBuf,
    pub(crate) app: SocketAddr,
    pub(crate) index: SocketAddr,
    pub(crate) download: SocketAddr,
}

impl Configured {
    /// Writes one. `s3` is the address of a server, for files that lie there.
    pub(crate) fn write(database_url: &str, redis: SocketAddr, s3: Option<SocketAddr>) -> Self {
        let folder = tempfile::Builder::new().prefix("wharf-crash-").tempdir().unwrap();
        let secret = |name: &str, text: &str| {
            let path = folder.path().join(name);
            let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            format!("{:?}", path.to_str().unwrap())
        };
        let [app, index, download, internal] = [(); 4].map(|()| free_address());
        let blob = match s3 {
            None => format!("kind = \"directory\"\npath = {:?}\n", folder.path().join("blobs")),
            Some(address) => format!(
                "kind = \"s3\"\nendpoint = \"http://{address}\"\nregion = \"us-east-1\"\nbucket = {:?}\n\
                 path_style = true\naccess_key_file = {}\nsecret_key_file = {}\n",
                S3::BUCKET,
                secret("s3-access", S3::ACCESS_KEY),
                secret("s3-secret", S3::SECRET_KEY),
            ),
        };
        let text = format!(
            "[public]\napp = \"http://{app}\"\nindex = \"http://{index}\"\ndownload = \"http://{download}\"\n\
             [listen]\napp = \"{app}\"\nindex = \"{index}\"\ndownload = \"{download}\"\ninternal = \"{internal}\"\n\
             [database]\nowner_url_file = {}\nservice_password_file = {}\nmax_connections = 6\n\
             [redis]\nurl_file = {}\n[blob]\n{blob}\
             [secrets]\ntoken_pepper_file = {}\nticket_key_file = {}\n[limits]\nworkers = 1\nstop_grace_s = 2\n\
             database_silence_s = 1\n",
            secret("owner-url", database_url),
            secret("password", SERVICE_PASSWORD),
            secret("redis-url", &format!("redis://{redis}/")),
            secret("pepper", &"7ab1".repeat(16)),
            secret("ticket-key", &"5cd2".repeat(16)),
        );
        let _written = secret("wharf.toml", &text);
        let file = folder.path().join("wharf.toml");
        Self { folder, file, app, index, download }
    }

    pub(crate) fn config(&self) -> wharf::Config {
        wharf_chassis::config::load(Some(&self.file), "WHARF_OF_NO_TEST").unwrap()
    }

    /// A command of the program.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // With SIGXFSZ ignored, a file that grows over its limit is an error and not a death.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(armed_program());
        command.arg("--config").arg(&self.file).args(arguments).stdin(Stdio::null());
        command
    }
}

/// A process of the program.
pub(crate) struct Process {
    child: Child,
    internal: SocketAddr,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(configured: &Configured, part: Part, environment: &[(&str, &Path)]) -> Self {
        let log = configured.folder.path().join(format!("{part:?}.log"));
        let internal = free_address();
        let mut child = configured
            .command(&[&["serve"], part.arguments()].concat())
            .env("WHARF__LISTEN__INTERNAL", internal.to_string())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Through pipes: a limit on the size of its files is not meant for its log.
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for mut output in outputs {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
            std::thread::spawn(move || std::io::copy(&mut output, &mut file));
        }
        Self { child, internal, log }
    }

    pub(crate) async fn ready(&mut self) {
        let client = Client::anonymous();
        let ready = format!("http://{}/readyz", self.internal);
        until("a process is ready", async || {
            assert!(self.is_running(), "the program ended by itself: {}", self.tail());
            client.attempt("GET", &ready, &[], None).await.is_some_and(|answer| answer.status == 200)
        })
        .await;
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn kill(&mut self) {
        crate::servers::reap(&mut self.child);
    }

    /// Whether it ended as a program does that aborts.
    pub(crate) fn has_aborted(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some_and(|status| status.signal() == Some(6))
    }

    pub(crate) fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(15).collect::<Vec<_>>().join("\n")
    }

    /// Bounds the size of the files it writes from now on, as a full disk does; `None` lifts the bound.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let status = Command::new("prlimit")
            .args(["--pid", &self.child.id().to_string(), &format!("--fsize={limit}:unlimited")])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The installation.
pub(crate) struct Installation {
    pub(crate) shape: Shape,
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    pub(crate) s3: Option<S3>,
    pub(crate) to_postgres: FaultProxy,
    pub(crate) to_redis: FaultProxy,
    pub(crate) to_s3: Option<FaultProxy>,
    pub(crate) configured: Configured,
    pub(crate) processes: BTreeMap<Part, Process>,
    pub(crate) owner: Caller,
    pub(crate) proven: Proven,
}

impl Installation {
    pub(crate) async fn start(shape: Shape) -> Self {
        let postgres = Postgres::start().await;
        let redis = Redis::start();
        let s3 = if shape == Shape::Together { Some(S3::start().await) } else { None };
        let protocol = if shape == Shape::Encrypted { Protocol::Bytes } else { Protocol::Postgres };
        let to_postgres = FaultProxy::start(postgres.address(), protocol).await;
        let to_redis = FaultProxy::start(redis.address(), Protocol::Bytes).await;
        let to_s3 = match &s3 {
            Some(s3) => Some(FaultProxy::start(s3.address(), Protocol::Http).await),
            None => None,
        };
        let mut admin = postgres.superuser("postgres").await;
        sqlx::query("create database wharf").execute(&mut admin).await.unwrap();
        let url = match shape {
            Shape::Encrypted => postgres.encrypted_url(to_postgres.address(), DATABASE),
            _ => Postgres::url(to_postgres.address(), DATABASE),
        };
        let configured = Configured::write(&url, to_redis.address(), to_s3.as_ref().map(FaultProxy::address));
        let config = configured.config();
        commands::migrate(&config).await.unwrap();
        let made = commands::bootstrap_org(&config, &Ambient::default(), "acme", "private").await.unwrap();
        let Configured { app, index, download, .. } = &configured;
        let [app, index, download] = [app, index, download].map(|address| format!("http://{address}"));
        let owner = Caller::new(made.owner_token.expose(), &app, &index, &download);
        let mut installation = Self {
            shape,
            postgres,
            redis,
            s3,
            to_postgres,
            to_redis,
            to_s3,
            configured,
            processes: BTreeMap::new(),
            owner,
            proven: Proven::new(),
        };
        installation.mend().await;
        let known = installation.owner.publish(&CrateFixture::new(KNOWN, "1.0.0")).await;
        assert!(known.is_done(), "{known:?}");
        let friend = serde_json::json!({ "kind": "service", "login": FRIEND, "role": "reader" });
        let friend = installation.owner.manage("POST", "/members", None, &friend).await;
        assert!(friend.is_done(), "{friend:?}");
        let sessions = installation.postgres.encrypted_sessions(DATABASE).await;
        assert!(!sessions.is_empty());
        assert!(sessions.values().all(|encrypted| *encrypted == (shape == Shape::Encrypted)), "{sessions:?}");
        installation
    }

    fn parts(&self) -> &'static [Part] {
        match self.shape {
            Shape::Split | Shape::Encrypted => &[Part::Api, Part::Index, Part::Download],
            Shape::Together => &[Part::All],
        }
    }

    /// The process that serves `part`.
    pub(crate) fn process(&mut self, part: Part) -> &mut Process {
        let part = if self.shape == Shape::Together { Part::All } else { part };
        self.processes.get_mut(&part).unwrap()
    }

    /// Kills the process that serves `part`.
    pub(crate) fn kill(&mut self, part: Part) {
        self.process(part).kill();
        drop(self.ended());
    }

    /// Where a run says at which moment a process is to die: the first to reach it does.
    pub(crate) fn order(&self) -> PathBuf {
        self.configured.folder.path().join("die-by")
    }

    /// Where the crate files lie.
    pub(crate) fn blobs(&self) -> PathBuf {
        match &self.s3 {
            Some(s3) => s3.bucket(),
            None => self.configured.folder.path().join("blobs"),
        }
    }

    /// Processes that have ended; taken off the list.
    pub(crate) fn ended(&mut self) -> Vec<(Part, Process)> {
        let gone: Vec<Part> =
            self.processes.iter_mut().filter_map(|(part, process)| (!process.is_running()).then_some(*part)).collect();
        gone.into_iter().map(|part| (part, self.processes.remove(&part).unwrap())).collect()
    }

    /// Makes everything whole: fair weather, every server and process running and ready.
    pub(crate) async fn mend(&mut self) {
        let _not_obeyed = std::fs::remove_file(self.order());
        self.to_postgres.heal();
        self.to_redis.heal();
        if let Some(proxy) = &self.to_s3 {
            proxy.heal();
        }
        self.postgres.run().await;
        drop(self.ended());
        let mut database = self.postgres.superuser(DATABASE).await;
        let began: String = sqlx::query_scalar("select now()::text").fetch_one(&mut database).await.unwrap();
        for part in self.parts() {
            if !self.processes.contains_key(part) {
                let process = Process::start(&self.configured, *part, &[("WHARF_DIE_BY", &self.order())]);
                self.processes.insert(*part, process);
            }
        }
        for process in self.processes.values_mut() {
            process.ready().await;
        }
        // Writers wait three seconds for a replica that has died without a word. That is tried by whoever was writing
        // when it died; the judge has hundreds of runs to get through. Those that live report again in a moment.
        let _dead = sqlx::query("delete from replica where seen_at < $1::timestamptz")
            .bind(began)
            .execute(&mut database)
            .await
            .unwrap();
    }

    pub(crate) async fn judge(&self) -> Judge {
        Judge { owner: self.owner.clone(), database: self.postgres.superuser(DATABASE).await }
    }

    pub(crate) async fn stop(mut self) {
        for process in self.processes.values_mut() {
            process.kill();
        }
        self.judge().await.database.close().await.unwrap();
    }
}

impl Drop for Installation {
    /// Whoever reads of a run that failed wants to know what its processes said last.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (part, process) in &mut self.processes {
            let state = if process.is_running() { "still runs" } else { "has ended" };
            crate::say(&format!("{part:?} {state}; its last words, newest first:\n{}", process.tail()));
        }
    }
}
