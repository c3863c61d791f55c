//! The program with `sslmode=verify-full` towards its database: it serves, and it starts with no server but the one that
//! the address means. What it says instead is what an operator reads.

use crate::installation::{Configured, Part, Process};
use crate::servers::{Postgres, Redis, verified_url};
use sqlx::Executor;
use std::path::Path;
use wharf_testkit::front::{Authority, ServerCertificate};
use wharf_testkit::until;

const DATABASE: &str = "wharf";

/// Servers, and a database that the program has migrated over TLS.
struct World {
    postgres: Postgres,
    redis: Redis,
}

impl World {
    async fn new() -> Self {
        let (postgres, redis) = (Postgres::start().await, Redis::start());
        let mut admin = postgres.superuser("postgres").await;
        let _made = admin.execute("create database wharf").await.unwrap();
        let world = Self { postgres, redis };
        let (migrated, said) = command(&world.configured(&world.postgres.authority_file()), "migrate").await;
        assert!(migrated, "{said}");
        world
    }

    /// A configuration that trusts the authority in a file.
    fn configured(&self, authority: &Path) -> Configured {
        let url = verified_url(self.postgres.address(), DATABASE, authority);
        let configured = Configured::write(&url, self.redis.address(), None);
        // As `migrate` makes it where the database is new.
        std::fs::create_dir_all(configured.folder.path().join("blobs/sha256")).unwrap();
        configured
    }

    /// Has the server show another certificate.
    async fn show(&self, certificate: &ServerCertificate) {
        self.postgres.show(certificate);
        self.reload().await;
    }

    /// Has the server speak TLS, or not.
    async fn speak_tls(&self, speak: bool) {
        let mut admin = self.postgres.superuser("postgres").await;
        let statement = if speak { "alter system reset ssl" } else { "alter system set ssl = off" };
        let _set = admin.execute(statement).await.unwrap();
        self.reload().await;
    }

    async fn reload(&self) {
        let before = self.settings_read().await;
        let mut admin = self.postgres.superuser("postgres").await;
        let _told = admin.execute("select pg_reload_conf()").await.unwrap();
        until("new sessions know the new settings", async || self.settings_read().await != before).await;
    }

    /// When the server had read its settings that a new session gets.
    async fn settings_read(&self) -> String {
        let mut admin = self.postgres.superuser("postgres").await;
        sqlx::query_scalar("select pg_conf_load_time()::text").fetch_one(&mut admin).await.unwrap()
    }
}

/// Whether a command of the program succeeds, and what it says.
async fn command(configured: &Configured, name: &str) -> (bool, String) {
    let mut command = configured.command(&[name]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// The program does not start, and ends by saying why.
async fn refuses(configured: &Configured, reason: &str) {
    let mut process = Process::start(configured, Part::All, &[]);
    until("the program ends", async || !process.is_running()).await;
    until(&format!("it says «{reason}»: {}", process.tail()), async || process.tail().contains(reason)).await;
    let (migrated, said) = command(configured, "migrate").await;
    assert!(!migrated && said.contains(reason), "{said}");
    assert!(!process.tail().contains("of-the-crash-tests") && !said.contains("of-the-crash-tests"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_over_tls_in_every_role() {
    let world = World::new().await;
    let configured = world.configured(&world.postgres.authority_file());
    let mut process = Process::start(&configured, Part::All, &[]);
    process.ready().await;
    until("every service has a session, and all speak TLS", async || {
        let sessions = world.postgres.encrypted_sessions(DATABASE).await;
        assert!(sessions.values().all(|encrypted| *encrypted), "{sessions:?}");
        ["wharf_api", "wharf_download", "wharf_index"].iter().all(|role| sessions.keys().any(|(name, _)| name == role))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_with_no_server_that_its_address_does_not_mean() {
    let world = World::new().await;
    let configured = world.configured(&world.postgres.authority_file());

    // Another authority of the same name, as after a renewal, and none that signed anything here.
    let other = Authority::generate();
    let file = configured.folder.path().join("other authority.pem");
    std::fs::write(&file, other.certificate()).unwrap();
    let trusts_another = world.configured(&file);
    let unknown = "is not by an authority that is trusted: `sslrootcert` in the address of the database has to name";
    refuses(&trusts_another, unknown).await;

    // What the file lacks is told without a connection.
    std::fs::write(&file, "no certificate").unwrap();
    refuses(&trusts_another, "in which there is no certificate in PEM form").await;
    std::fs::remove_file(&file).unwrap();
    refuses(&trusts_another, "other authority.pem, which cannot be read: No such file").await;
    let (complete, said) = command(&trusts_another, "check-config").await;
    assert!(!complete && said.contains("database.owner_url_file") && said.contains("cannot be read"), "{said}");

    // Certificates by the right authority that are not for this host, or not for today.
    let authority = &world.postgres.authority;
    for (certificate, reason) in [
        (authority.issue_for("db.example"), "is for another host"),
        (authority.issue_expired(), "is not valid now: renew it"),
        (other.issue(), unknown),
    ] {
        world.show(&certificate).await;
        refuses(&configured, reason).await;
    }

    world.speak_tls(false).await;
    refuses(&configured, "switch `ssl` on in its server").await;
    world.speak_tls(true).await;

    // The right one again, and it starts.
    world.show(&authority.issue()).await;
    let mut process = Process::start(&configured, Part::All, &[]);
    process.ready().await;
}
