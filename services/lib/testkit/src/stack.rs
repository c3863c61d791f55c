//! A whole installation in this process: the product's own start-up code on free ports.

use crate::balancer::Balancer;
use crate::clock::TestClock;
use crate::database::{SERVICE_PASSWORD, TestDatabase};
use crate::front::{Authority, Front};
use crate::identity::{Bases, Org, Token};
use crate::setting;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use wharf::assemble::{self, Ambient};
use wharf::serve::{Instance, Service};
use wharf::{Config, commands};
use wharf_chassis::shutdown::stop_signal;
use wharf_chassis::{OsEntropy, Stopper};
use wharf_domain::{Clock, OrgId, RegistryId};
use wharf_registry::Site;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Where crate files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobKind {
    /// In a directory of the test.
    Directory,
    /// In the S3 server of the tests, under a prefix of the test.
    S3,
}

/// Where wake-ups go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisKind {
    /// The Redis of the tests.
    Shared,
    /// Another one, which the test may stop.
    At(String),
    /// Nowhere: the configuration has no Redis.
    None,
}

/// How a stack is to be.
#[derive(Debug)]
pub struct StackBuilder {
    indexes: usize,
    downloads: usize,
    blobs: BlobKind,
    redis: RedisKind,
    replicas_reach_database_at: Option<SocketAddr>,
    real_clock: bool,
    fronts: Option<Fronts>,
    limits: Vec<(&'static str, u64)>,
    behind_proxies: bool,
}

/// What stands before all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fronts {
    /// What passes HTTP on.
    Plain,
    /// What speaks TLS.
    Tls,
}

impl StackBuilder {
    /// With something before everything that clients are told of: [`Setup::public`] is there, and the services behind.
    #[must_use]
    pub fn fronts(mut self, kind: Fronts) -> Self {
        self.fronts = Some(kind);
        self
    }

    /// With several index processes behind one address.
    #[must_use]
    pub fn indexes(mut self, count: usize) -> Self {
        self.indexes = count;
        self
    }

    /// With several download processes behind one address.
    #[must_use]
    pub fn downloads(mut self, count: usize) -> Self {
        self.downloads = count;
        self
    }

    /// With crate files elsewhere than in a directory.
    #[must_use]
    pub fn blobs(mut self, kind: BlobKind) -> Self {
        self.blobs = kind;
        self
    }

    /// With another Redis.
    #[must_use]
    pub fn redis(mut self, kind: RedisKind) -> Self {
        self.redis = kind;
        self
    }

    /// With replicas, the processes of services of which there are several, that reach the database at this address: a
    /// proxy that the test may cut, while the API goes on.
    #[must_use]
    pub fn replicas_reach_database_at(mut self, address: SocketAddr) -> Self {
        self.replicas_reach_database_at = Some(address);
        self
    }

    /// With the machine's clock, for tests whose clients or killed processes live by it.
    #[must_use]
    pub fn real_clock(mut self) -> Self {
        self.real_clock = true;
        self
    }

    /// With a limit other than the usual one.
    #[must_use]
    pub fn limit(mut self, name: &'static str, value: u64) -> Self {
        self.limits.push((name, value));
        self
    }

    /// With this machine's addresses those of proxies, which say in `X-Forwarded-For` for whom they ask.
    #[must_use]
    pub fn behind_proxies(mut self) -> Self {
        self.behind_proxies = true;
        self
    }

    /// Starts everything and waits until it is ready.
    pub async fn start(self) -> Stack {
        let setup = Setup::new(&self).await;
        setup.start(&self).await
    }

    /// Prepares database, directories and configuration, and starts nothing: for tests that run the program itself.
    pub async fn prepare(self) -> Setup {
        Setup::new(&self).await
    }
}

/// Everything a program needs to start.
pub struct Setup {
    /// The database.
    pub database: TestDatabase,
    /// The directory of secrets, configuration and blobs.
    pub directory: TempDir,
    /// The configuration file.
    pub config_file: PathBuf,
    /// Base of the API service.
    pub app: String,
    /// Base of the index service.
    pub index: String,
    /// Base of the download service.
    pub download: String,
    /// Address of the internal server.
    pub internal: String,
    /// The addresses that clients are told, where they are others than the above.
    pub public: Bases,
    authority: Option<Authority>,
    number: u32,
}

/// An address nobody listens on, for a server that takes it a moment later.
#[must_use]
pub fn free_address() -> SocketAddr {
    // Below the ephemeral range: a port of that range can become the source of somebody's connection in between. Each
    // process begins elsewhere and gives no port twice.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(7_919) % 220 * 100;
    std::iter::repeat_with(|| (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 22_000 + 10_240)
        .map(|port| SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap())))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

impl Setup {
    async fn new(builder: &StackBuilder) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = TestDatabase::create().await;
        let directory = tempfile::Builder::new().prefix("wharf test ").tempdir().unwrap();
        let [app, index, download, internal] = [(); 4].map(|()| free_address());
        let public = |address: SocketAddr| match builder.fronts {
            Some(Fronts::Tls) => format!("https://{}", free_address()),
            Some(Fronts::Plain) => format!("http://{}", free_address()),
            None => format!("http://{address}"),
        };
        let public = Bases { app: public(app), index: public(index), download: public(download) };
        let secret = |name: &str, text: &str| {
            let path = directory.path().join(name);
            write_private(&path, text);
            format!("{:?}", path.to_str().unwrap())
        };
        let owner_url = secret("owner-url", database.owner_url());
        let password = secret("password", SERVICE_PASSWORD);
        let pepper = secret("pepper", &"7ab1".repeat(16));
        let ticket_key = secret("ticket-key", &"5cd2".repeat(16));
        let redis = match &builder.redis {
            RedisKind::Shared => Some(setting("WHARF_TEST_REDIS_URL")),
            RedisKind::At(url) => Some(url.clone()),
            RedisKind::None => None,
        };
        let redis =
            redis.map_or_else(String::new, |url| format!("[redis]\nurl_file = {}\n", secret("redis-url", &url)));
        let blob = match builder.blobs {
            BlobKind::Directory => {
                let path = directory.path().join("blobs");
                std::fs::create_dir_all(path.join("sha256")).unwrap();
                format!("kind = \"directory\"\npath = {:?}\n", path.to_str().unwrap())
            }
            BlobKind::S3 => format!(
                "kind = \"s3\"\nendpoint = {:?}\nregion = \"us-east-1\"\nbucket = {:?}\nprefix = \"t{}-{number}/\"\n\
                 path_style = true\naccess_key_file = {}\nsecret_key_file = {}\n",
                setting("WHARF_TEST_S3_ENDPOINT"),
                setting("WHARF_TEST_S3_BUCKET"),
                std::process::id(),
                secret("s3-access", &setting("WHARF_TEST_S3_ACCESS_KEY")),
                secret("s3-secret", &setting("WHARF_TEST_S3_SECRET_KEY")),
            ),
        };
        let limits: String = builder.limits.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        let proxies = if builder.behind_proxies { "trusted_proxies = [\"127.0.0.0/8\"]\n" } else { "" };
        let text = format!(
            "[public]\napp = \"{}\"\nindex = \"{}\"\ndownload = \"{}\"\n\
             [listen]\napp = \"{app}\"\nindex = \"{index}\"\ndownload = \"{download}\"\ninternal = \"{internal}\"\n{proxies}\
             [database]\nowner_url_file = {owner_url}\nservice_password_file = {password}\n\
             {redis}[blob]\n{blob}[secrets]\ntoken_pepper_file = {pepper}\nticket_key_file = {ticket_key}\n\
             [limits]\nworkers = 1\nstop_grace_s = 2\n{limits}",
            public.app, public.index, public.download,
        );
        let config_file = directory.path().join("wharf.toml");
        write_private(&config_file, &text);
        Self {
            database,
            directory,
            config_file,
            app: format!("http://{app}"),
            index: format!("http://{index}"),
            download: format!("http://{download}"),
            internal: format!("http://{internal}"),
            public,
            authority: (builder.fronts == Some(Fronts::Tls)).then(Authority::generate),
            number,
        }
    }

    /// The certificate of the authority under which TLS is spoken.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::certificate)
    }

    /// Every file in the blob directory, unfinished ones too.
    #[must_use]
    pub fn blob_files(&self) -> Vec<PathBuf> {
        let (mut folders, mut files) = (vec![self.directory.path().join("blobs")], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }

    /// The configuration as the program reads it.
    #[must_use]
    pub fn config(&self) -> Config {
        wharf_chassis::config::load(Some(&self.config_file), "WHARF_OF_NO_TEST").unwrap()
    }

    /// The same with the database at another address.
    fn config_with_database_at(&self, address: SocketAddr) -> Config {
        let text = std::fs::read_to_string(&self.config_file).unwrap();
        let file = self.directory.path().join("wharf-elsewhere.toml");
        write_private(&file, &text.replace("/owner-url\"", "/owner-url-elsewhere\""));
        let url = crate::database::at_address(self.database.owner_url(), address);
        write_private(&self.directory.path().join("owner-url-elsewhere"), &url);
        wharf_chassis::config::load(Some(&file), "WHARF_OF_NO_TEST").unwrap()
    }

    /// Makes an org with one private registry called `private`, and its owner, straight in the database.
    pub async fn org(&self, ambient: &Ambient, slug: &str) -> Org {
        let made = commands::bootstrap_org(&self.config(), ambient, slug, "private").await.unwrap();
        let token_id: String = sqlx::query_scalar(
            "select t.token_id::text from token t join org o using (org_id) where o.slug = $1 and t.name = 'owner'",
        )
        .bind(slug)
        .fetch_one(&mut self.database.superuser().await)
        .await
        .unwrap();
        Org::new(self, ambient, slug, &made, token_id)
    }

    /// The credential in the download address that the git index has for the holder of this token, while its registry hands
    /// such addresses out.
    pub async fn legacy_credential(&self, token: &Token) -> String {
        self.legacy_credential_of(&token.org, &token.registry, &token.id).await.unwrap()
    }

    /// The same by the names of org and registry and the id of the token; `None` where there is no such registry.
    pub async fn legacy_credential_of(&self, org: &str, registry: &str, token: &str) -> Option<String> {
        let ids: Option<(uuid::Uuid, uuid::Uuid)> = sqlx::query_as(
            "select r.org_id, r.registry_id from registry r join org o using (org_id) where o.slug = $1 and r.slug = $2",
        )
        .bind(org)
        .bind(registry)
        .fetch_optional(&mut self.database.superuser().await)
        .await
        .unwrap();
        let peppers = assemble::peppers(&self.config()).unwrap();
        let (org, registry) = ids?;
        let credential = peppers.legacy_credential(OrgId(org), RegistryId(registry), token.parse().unwrap());
        Some(credential.expose().to_owned())
    }

    async fn start(self, builder: &StackBuilder) -> Stack {
        let clock = Arc::new(TestClock::new());
        let ambient = Ambient {
            clock: if builder.real_clock {
                Arc::new(wharf_chassis::SystemClock)
            } else {
                Arc::clone(&clock) as Arc<dyn Clock>
            },
            entropy: Arc::new(OsEntropy),
            redis_prefix: format!("test-{}-{}:", std::process::id(), self.number),
        };
        let (stopper, stop) = stop_signal();
        let mut instances = Vec::new();
        let (mut balancers, mut addresses) = (Vec::new(), Vec::new());
        let mut config = self.config();
        let mut alone = vec![Service::Api];
        for (service, count) in [(Service::Index, builder.indexes), (Service::Download, builder.downloads)] {
            if count == 1 {
                alone.push(service);
                continue;
            }
            let front = if service == Service::Index { config.listen.index } else { config.listen.download };
            let mut replicas = Vec::new();
            for _ in 0..count {
                let mut own = builder
                    .replicas_reach_database_at
                    .map_or_else(|| self.config(), |database| self.config_with_database_at(database));
                let address = free_address();
                own.listen.internal = free_address();
                if service == Service::Index {
                    own.listen.index = address
                } else {
                    own.listen.download = address
                }
                instances.push(Instance::start(&own, &[service], &ambient, stop.clone()).await.unwrap());
                replicas.push(address);
                addresses.push((service, address));
            }
            balancers.push(Balancer::start(front, replicas).await);
        }
        let mut fronts = Vec::new();
        if builder.fronts.is_some() {
            let Bases { app, index, download } = &self.public;
            let listen = &config.listen;
            for (front, server) in [(app, listen.app), (index, listen.index), (download, listen.download)] {
                let front = front.split_once("://").unwrap().1.parse().unwrap();
                fronts.push(Front::start(front, server, self.authority.as_ref()).await);
            }
        }
        config.listen.internal = self.internal.trim_start_matches("http://").parse().unwrap();
        instances.push(Instance::start(&config, &alone, &ambient, stop).await.unwrap());
        for instance in &instances {
            for site in instance.sites() {
                while !site.catalog().is_loaded() {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
            }
        }
        Stack { setup: self, ambient, clock, instances, balancers, fronts, replicas: addresses, stopper }
    }
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A running installation.
pub struct Stack {
    /// What it was started with.
    pub setup: Setup,
    /// Its time and randomness.
    pub ambient: Ambient,
    /// Its clock, unless it was started with the machine's.
    pub clock: Arc<TestClock>,
    instances: Vec<Instance>,
    balancers: Vec<Balancer>,
    fronts: Vec<Front>,
    replicas: Vec<(Service, SocketAddr)>,
    stopper: Stopper,
}

impl Stack {
    /// One process of each service, a directory for blobs, the shared Redis, a clock that stands still.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Another shape.
    #[must_use]
    pub fn builder() -> StackBuilder {
        StackBuilder {
            indexes: 1,
            downloads: 1,
            blobs: BlobKind::Directory,
            redis: RedisKind::Shared,
            replicas_reach_database_at: None,
            real_clock: false,
            fronts: None,
            limits: Vec::new(),
            behind_proxies: false,
        }
    }

    /// Every process of the services of which there are several, by the address at which it alone answers.
    #[must_use]
    pub fn replicas(&self) -> &[(Service, SocketAddr)] {
        &self.replicas
    }

    /// An org with one private registry called `private`, and its owner.
    pub async fn org(&self, slug: &str) -> Org {
        let org = self.setup.org(&self.ambient, slug).await;
        // The services hear of the new registry through the feed; the test must not run ahead of them.
        let registry = "private".to_owned();
        for site in self.instances.iter().flat_map(Instance::sites) {
            while site.place(slug, &registry).unwrap().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
        org
    }

    /// The site of a service, of its first process when there are several.
    #[must_use]
    pub fn site(&self, service: Service) -> &Arc<Site> {
        self.instances.iter().find_map(|instance| instance.site(service)).unwrap()
    }

    /// What clients called themselves since the last call, where something stands before the services.
    #[must_use]
    pub fn take_agents(&self) -> std::collections::BTreeSet<String> {
        self.fronts.iter().flat_map(Front::take_agents).collect()
    }

    /// The sites of all services and all their processes.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.instances.iter().flat_map(Instance::sites)
    }

    /// The sites of one service, one for each of its processes.
    pub fn sites_of(&self, service: Service) -> impl Iterator<Item = &Arc<Site>> {
        self.instances.iter().filter_map(move |instance| instance.site(service))
    }

    /// Moves the clock, and waits until every process has reported in the new time: a writer takes a process that has
    /// been silent for seconds for dead, and does not wait for it.
    pub async fn advance(&self, by: std::time::Duration) {
        self.clock.advance(by);
        let processes = i64::try_from(self.instances.iter().flat_map(Instance::sites).count()).unwrap();
        let mut database = self.setup.database.superuser().await;
        let now = self.clock.now().inner();
        crate::until("every process has seen the new time", async || {
            let reported: i64 = sqlx::query_scalar("select count(*) from replica where seen_at >= $1")
                .bind(now)
                .fetch_one(&mut database)
                .await
                .unwrap();
            reported == processes
        })
        .await;
    }

    /// Stops everything and removes the database.
    pub async fn stop(self) {
        drop((self.fronts, self.balancers));
        self.stopper.stop();
        for instance in self.instances {
            instance.finished().await.unwrap();
        }
        self.setup.database.drop().await;
    }
}
