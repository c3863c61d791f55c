//! Everything a running program leaves behind, and how to read it.

use crate::faults::redis::RedisServer;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wharf::assemble::Ambient;
use wharf_testkit::database::SERVICE_PASSWORD;
use wharf_testkit::process::ServerProcess;
use wharf_testkit::secrets::{self, Exchange, Vault};
use wharf_testkit::stack::{BlobKind, RedisKind, Setup};
use wharf_testkit::{Client, CrateFixture, Org, Stack, until};

/// Where something may be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The log at its finest level, with the fields of every span.
    Log,
    /// The metrics of the internal port.
    Metrics,
    /// The database, as `pg_dump` writes it.
    Dump,
    /// The database, every row as text, and the statements its sessions ran last.
    Rows,
    /// Every key and value in Redis.
    RedisKeys,
    /// Every command that Redis was sent, messages included.
    RedisMessages,
    /// Crate files, as stored and unpacked.
    Blobs,
    /// Every answer: status, headers and body, but for the secret in the one answer that issues it.
    Answers,
    /// Arguments and environment of the process.
    Process,
    /// Files it wrote.
    Files,
}

impl Place {
    pub(super) const ALL: [Self; 10] = [
        Self::Log,
        Self::Metrics,
        Self::Dump,
        Self::Rows,
        Self::RedisKeys,
        Self::RedisMessages,
        Self::Blobs,
        Self::Answers,
        Self::Process,
        Self::Files,
    ];
}

/// What was read, with the name of where it lay.
type Left = Vec<(String, Vec<u8>)>;

/// The files that hold secrets by their purpose: configuration, which the operator wrote.
const SECRET_FILES: [&str; 7] =
    ["owner-url", "password", "pepper", "ticket-key", "redis-url", "s3-access", "s3-secret"];

/// A running program and everything around it.
pub(super) struct Rig {
    pub(super) setup: Setup,
    pub(super) org: Org,
    blobs: BlobKind,
    server: Option<ServerProcess>,
    /// As it was while the program ran.
    process: Left,
    metrics: String,
    redis: RedisServer,
    monitor: Child,
    monitored: PathBuf,
    bases: Vec<String>,
    kept: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

const REDIS_PASSWORD: &str = "redis-password-of-this-test";
/// Planted once everything was searched.
const PLANTED: &str = "planted-secret-zQ4vT9mK2x";

impl Rig {
    pub(super) async fn start(blobs: BlobKind) -> Self {
        secrets::watch();
        let redis = RedisServer::start_with_password(REDIS_PASSWORD);
        let folder = tempfile::tempdir().unwrap();
        let monitored = folder.path().join("monitored");
        until("redis answers", async || redis.client().arg("ping").output().unwrap().stdout.starts_with(b"PONG")).await;
        let mut monitor = redis.client();
        let monitor = monitor.arg("monitor").stdout(std::fs::File::create(&monitored).unwrap()).spawn().unwrap();
        let setup = Stack::builder().redis(RedisKind::At(redis.url())).blobs(blobs).prepare().await;
        let org = setup.org(&Ambient::default(), "acme").await;
        let bases = vec![setup.app.clone(), setup.index.clone(), setup.download.clone(), setup.internal.clone()];
        Self {
            setup,
            org,
            blobs,
            server: None,
            process: Vec::new(),
            metrics: String::new(),
            redis,
            monitor,
            monitored,
            bases,
            kept: Vec::new(),
            folder,
        }
    }

    pub(super) fn keep(&mut self, name: &str, secret: &str) {
        self.kept.push((name.to_owned(), secret.to_owned()));
    }

    /// Runs the program through everything, and stops it.
    pub(super) async fn live(&mut self) {
        let temporary = self.folder.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let temporary = temporary.to_str().unwrap().to_owned();
        let mut environment = vec![("WHARF__LOG__LEVEL", "trace"), ("TMPDIR", temporary.as_str())];
        // What the tests were given is no part of what an operator gives.
        let ours: Vec<String> =
            std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("WHARF_TEST_")).collect();
        environment.extend(ours.iter().map(|name| (name.as_str(), "")));
        let mut server = ServerProcess::start(&self.setup, &environment).await;
        self.act().await;
        // And errors of ours, with all that stands behind them.
        if self.blobs == BlobKind::Directory {
            let (there, away) = (self.setup.directory.path().join("blobs"), self.setup.directory.path().join("away"));
            std::fs::rename(&there, &away).unwrap();
            let _failed = self.org.owner.publish(&CrateFixture::new("late", "1.0.0")).await.expect(503);
            std::fs::rename(&away, &there).unwrap();
        }
        self.setup.database.take_down().await;
        let _failed = self.org.owner.publish(&CrateFixture::new("late", "1.0.0")).await.expect(503);
        self.setup.database.bring_up().await;
        let metrics = format!("{}/metrics", self.setup.internal);
        self.metrics = Client::anonymous().get(&metrics).await.expect(200).text();
        self.process = of_process(server.id());
        server.signal("TERM");
        let _status = server.exit().await;
        self.server = Some(server);
    }

    /// Every credential, key and signature of the run.
    pub(super) fn vault(&self) -> Vault {
        let mut vault = Vault::default();
        // The name of an S3 key is no secret; it may be a word like any other.
        for name in SECRET_FILES.into_iter().filter(|name| *name != "s3-access") {
            let Ok(text) = std::fs::read_to_string(self.setup.directory.path().join(name)) else { continue };
            vault.keep(name, text.trim());
            // The password within an address.
            let login = text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(login, _)| login);
            if let Some((_, password)) =
                login.and_then(|login| login.split_once(':')).filter(|(_, word)| word.len() >= 8)
            {
                vault.keep(&format!("the password in {name}"), password);
            }
        }
        vault.keep("the services' password", SERVICE_PASSWORD);
        vault.keep("the password of Redis", REDIS_PASSWORD);
        vault.keep("what was planted", PLANTED);
        for (name, secret) in &self.kept {
            vault.keep(name, secret);
        }
        for exchange in self.exchanges() {
            for (name, value) in &exchange.sent {
                match name.as_str() {
                    "authorization" => vault.keep("an Authorization header", value),
                    "idempotency-key" => vault.keep("an idempotency key", value),
                    _ => continue,
                }
                let word = value.split_once(' ').map_or(value.as_str(), |(_, rest)| rest);
                if name == "authorization" && word.len() >= 8 {
                    vault.keep("a credential", word);
                }
            }
            if let Some(signature) = signature(&exchange) {
                vault.keep("the signature of a ticket", &signature);
            }
            if let Some(secret) = issued(&exchange) {
                vault.keep("an issued secret", &secret);
            }
        }
        vault
    }

    fn exchanges(&self) -> Vec<Exchange> {
        self.bases.iter().flat_map(|base| secrets::exchanges_with(base)).collect()
    }

    /// What lies in a place.
    pub(super) async fn left_in(&self, place: Place) -> Left {
        let named = |name: &str, bytes: Vec<u8>| vec![(name.to_owned(), bytes)];
        match place {
            Place::Log => named("server.log", self.server.as_ref().unwrap().log().into_bytes()),
            Place::Metrics => named("metrics", self.metrics.clone().into_bytes()),
            Place::Dump => {
                let dump = Command::new("pg_dump").arg(self.setup.database.owner_url()).output().unwrap();
                assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
                named("pg_dump", dump.stdout)
            }
            Place::Rows => rows(&self.setup).await,
            Place::RedisKeys => self.redis_keys(),
            Place::RedisMessages => {
                let heard = std::fs::read(&self.monitored).unwrap();
                assert!(String::from_utf8_lossy(&heard).contains("PUBLISH"), "no message was heard");
                named("monitor", heard)
            }
            Place::Blobs if self.blobs == BlobKind::S3 => self.stored_in_s3().await,
            Place::Blobs => self
                .setup
                .blob_files()
                .into_iter()
                .flat_map(|path| with_contents(&path.display().to_string(), std::fs::read(&path).unwrap()))
                .collect(),
            Place::Answers => self.exchanges().iter().enumerate().map(shown).collect(),
            Place::Process => self.process.clone(),
            Place::Files => files(self.setup.directory.path()).chain(files(self.folder.path())).collect(),
        }
    }

    fn redis_keys(&self) -> Left {
        let run = |arguments: &[&str]| self.redis.client().args(arguments).output().unwrap().stdout;
        let keys = run(&["--scan"]);
        let mut left = vec![("keys".to_owned(), keys.clone())];
        for key in String::from_utf8(keys).unwrap().lines() {
            left.push((key.to_owned(), run(&["--raw", "dump", key])));
        }
        left
    }

    /// Crate files in S3, by way of the product's own store.
    async fn stored_in_s3(&self) -> Left {
        let stored: Vec<Vec<u8>> = sqlx::query_scalar("select distinct cksum from version")
            .fetch_all(&mut self.setup.database.superuser().await)
            .await
            .unwrap();
        let blobs = wharf::assemble::blobs(&self.setup.config()).unwrap();
        let mut left = Vec::new();
        for sha256 in stored {
            let digest: [u8; 32] = sha256.try_into().unwrap();
            let stream = blobs.get(digest, None).await.unwrap().unwrap();
            let bytes = stream.collect().await.unwrap();
            left.extend(with_contents(&hex::encode(digest), bytes.to_vec()));
        }
        left
    }

    /// Puts a secret into a place, and reads the place again.
    pub(super) async fn planted(&mut self, place: Place) -> Left {
        let folder = self.setup.directory.path().to_owned();
        match place {
            Place::Log => append(&folder.join("server.log"), PLANTED),
            Place::Metrics => {
                let address = fake_server(format!("# HELP {PLANTED}\n")).await;
                self.metrics = Client::anonymous().get(&format!("{address}/metrics")).await.expect(200).text();
            }
            Place::Dump | Place::Rows => {
                // As text in one, as bytes in the other.
                let sql = if place == Place::Dump {
                    "update entitlement set note = $1"
                } else {
                    "update idempotency set sealed_body = $1::text::bytea"
                };
                let mut superuser = self.setup.database.superuser().await;
                let done = sqlx::query(AssertSqlSafe(sql)).bind(PLANTED).execute(&mut superuser).await.unwrap();
                assert!(done.rows_affected() > 0, "{place:?}: nowhere to plant");
            }
            Place::RedisKeys => {
                assert!(self.redis.client().args(["set", "planted", PLANTED]).output().unwrap().status.success());
            }
            Place::RedisMessages => {
                assert!(self.redis.client().args(["publish", "planted", PLANTED]).output().unwrap().status.success());
                until("the monitor has heard it", async || {
                    String::from_utf8_lossy(&std::fs::read(&self.monitored).unwrap()).contains("planted")
                })
                .await;
            }
            // In a file that is compressed.
            Place::Blobs if self.blobs == BlobKind::S3 => {
                let body = gzip(PLANTED);
                let blobs = wharf::assemble::blobs(&self.setup.config()).unwrap();
                let digest =
                    sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &body));
                let _put = blobs.put(digest.into(), body.into()).await.unwrap();
                let sql = "update version set cksum = $1 where version_id = (select version_id from version limit 1)";
                let mut superuser = self.setup.database.superuser().await;
                sqlx::query(sql).bind(digest.to_vec()).execute(&mut superuser).await.unwrap();
            }
            Place::Blobs => std::fs::write(folder.join("blobs/planted"), gzip(PLANTED)).unwrap(),
            Place::Answers => {
                let address = fake_server(format!("no such thing: {PLANTED}")).await;
                let _answer = Client::anonymous().get(&format!("{address}/x")).await;
                self.bases.push(address);
            }
            Place::Process => {
                let mut child = Command::new("sleep").arg("30").env("WHARF_PLANTED", PLANTED).spawn().unwrap();
                let begun = format!("/proc/{}/cmdline", child.id());
                until("the process has begun", async || std::fs::read(&begun).unwrap().starts_with(b"sleep")).await;
                self.process = of_process(child.id());
                child.kill().unwrap();
                child.wait().unwrap();
            }
            Place::Files => append(&self.folder.path().join("tmp/leftover"), PLANTED),
        }
        self.left_in(place).await
    }

    pub(super) async fn end(mut self) {
        self.monitor.kill().unwrap();
        self.monitor.wait().unwrap();
        self.setup.database.drop().await;
    }
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A file as it is, and unpacked.
fn with_contents(name: &str, bytes: Vec<u8>) -> Left {
    let mut unpacked = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap_or_else(|error| panic!("{name}: {error}"));
    vec![(name.to_owned(), bytes), (format!("{name}, unpacked"), unpacked)]
}

/// A server that answers everything with this.
async fn fake_server(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _read = stream.read(&mut request).await.unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    address
}

/// Arguments and environment, as any process of the same user can read them.
fn of_process(id: u32) -> Left {
    ["cmdline", "environ"]
        .map(|name| {
            let path = format!("/proc/{id}/{name}");
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.is_empty(), "{path}");
            (path, bytes)
        })
        .to_vec()
}

/// Every file below a directory, but for the secrets that the operator put there and what is read elsewhere.
fn files(root: &Path) -> impl Iterator<Item = (String, Vec<u8>)> {
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !SECRET_FILES.contains(&name.as_str()) && name != "monitored" {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.into_iter()
}

/// Every row of every table, and what the sessions of the database ran last.
async fn rows(setup: &Setup) -> Left {
    let mut superuser = setup.database.superuser().await;
    let queries: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, format('select t::text from %I t', table_name) from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE'
         union all select 'pg_stat_activity', 'select coalesce(query, '''') from pg_stat_activity
                                               where datname = current_database() and pid <> pg_backend_pid()'",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    let (mut left, mut count) = (Vec::new(), 0);
    for (table, query) in queries {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut superuser).await.unwrap();
        count += rows.len();
        left.push((table, rows.join("\n").into_bytes()));
    }
    assert!(left.len() > 15 && count > 60, "{} tables, {count} rows", left.len());
    left
}

/// The signature in an address that was given out.
fn signature(exchange: &Exchange) -> Option<String> {
    let (_, location) = exchange.headers.iter().find(|(name, _)| name == "location")?;
    location.split_once("&s=").map(|(_, signature)| signature.to_owned())
}

/// The secret that an answer issues.
fn issued(exchange: &Exchange) -> Option<String> {
    let body: Value = serde_json::from_slice(&exchange.body).ok()?;
    if exchange.status != 201 { None } else { body["secret"].as_str().map(str::to_owned) }
}

/// An answer as it is searched: whole, but for what it was there to hand out.
fn shown((at, exchange): (usize, &Exchange)) -> (String, Vec<u8>) {
    let mut text = format!("{}\n", exchange.status);
    for (name, value) in &exchange.headers {
        let value = match (name.as_str(), signature(exchange)) {
            ("location", Some(signature)) if exchange.status == 302 => value.replace(&signature, ""),
            _ => value.clone(),
        };
        text += &format!("{name}: {value}\n");
    }
    // Shown once, with the lines to be copied that hold it.
    let body = match issued(exchange) {
        Some(secret) => String::from_utf8(exchange.body.clone()).unwrap().replace(&secret, "").into_bytes(),
        None => exchange.body.clone(),
    };
    (format!("answer {at}, {} {}", exchange.status, exchange.url), [text.into_bytes(), body].concat())
}
