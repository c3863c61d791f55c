//! PostgreSQL falls silent on a connection that stays open: whoever waits is told in the end, no place in the pool is lost,
//! and the replicas go on hearing of what changes.

use sqlx::PgConnection;
use std::time::{Duration, Instant};
use uuid::Uuid;
use wharf::assemble::Ambient;
use wharf_domain::{Clock, OrgId, RegistryId, Secret};
use wharf_store::feed::{FeedError, Horizon};
use wharf_store::{Change, Database, DatabaseRole, StoreError, TenantTx};
use wharf_testkit::database::{SERVICE_PASSWORD, at_address, server_of};
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Strike, Weather};
use wharf_testkit::stack::Setup;
use wharf_testkit::{CrateFixture, Stack, TestClock, setting, until};

/// More than there are places in the pool: none may be lost.
const TIMES: u32 = 3;

/// A pool of the product with two places, on a line that a test can silence.
struct Rig {
    setup: Setup,
    line: FaultProxy,
    database: Database,
    org: OrgId,
    superuser: PgConnection,
}

impl Rig {
    async fn new(patience: Duration) -> Self {
        let setup = Stack::builder().prepare().await;
        let _org = setup.org(&Ambient::default(), "acme").await;
        let mut superuser = setup.database.superuser().await;
        let org: Uuid = sqlx::query_scalar("select org_id from org").fetch_one(&mut superuser).await.unwrap();
        let line = FaultProxy::start(server_of(setup.database.owner_url()), Protocol::Postgres).await;
        let url = Secret::new(at_address(setup.database.owner_url(), line.address()));
        let password = Secret::new(SERVICE_PASSWORD.to_owned());
        let database = Database::for_service(&url, DatabaseRole::Api, &password, 2, patience).unwrap();
        Self { setup, line, database, org: OrgId(org), superuser }
    }

    async fn begin(&self) -> Result<TenantTx, StoreError> {
        TenantTx::begin(&self.database, self.org).await
    }

    /// Both places of the pool have a connection that works, at one time.
    async fn serves(&self) {
        until("both places of the pool serve", async || {
            let (one, other) = tokio::join!(self.begin(), self.begin());
            one.is_ok() && other.is_ok()
        })
        .await;
    }

    fn silence_at(&self, statement: &'static str, after: usize) {
        self.line.strike(Strike::Silent(statement, after), 1);
    }

    /// Changes that a reader of the feed has not seen.
    async fn fill_feed(&mut self, count: i32) {
        let fill = "insert into outbox (org_id, kind, subject_id, at)
                    select $1, 'token', gen_random_uuid(), now() from generate_series(1, $2)";
        let _filled = sqlx::query(fill).bind(self.org.0).bind(count).execute(&mut self.superuser).await.unwrap();
    }

    async fn announced(&mut self, number: u128) -> i64 {
        sqlx::query_scalar("select count(*) from outbox where subject_id = $1")
            .bind(Uuid::from_u128(number))
            .fetch_one(&mut self.superuser)
            .await
            .unwrap()
    }

    async fn end(self) {
        self.database.close().await;
        // A server waits a minute for a client that fell silent while it logged in, and drops no database meanwhile.
        drop(self.line);
        self.setup.database.drop().await;
    }
}

/// Unavailable, and for no other reason.
fn is_silence(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(cause) if cause.to_string().contains("PostgreSQL did not answer for 1s"))
}

/// What a wait without end is told from.
async fn ends<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the wait has no end")
}

fn registry(number: u128) -> Change {
    Change::Registry(RegistryId(Uuid::from_u128(number)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wait_ends_and_no_place_in_the_pool_is_lost() {
    let mut rig = Rig::new(Duration::from_secs(1)).await;
    let (mut horizon, _) = Horizon::begin(&rig.database).await.unwrap();
    // Where it begins is for the oldest transaction of all databases of the server to say.
    let _before = horizon.read(&rig.database).await.unwrap();
    rig.fill_feed(1_000).await;
    for turn in 0..u128::from(TIMES) {
        rig.serves().await;
        rig.silence_at("select 1", 0);
        let error = ends(rig.database.ping()).await.unwrap_err();
        assert!(is_silence(&error), "a query: {error:?}");

        rig.serves().await;
        rig.silence_at("begin", 0);
        let error = ends(rig.begin()).await.unwrap_err();
        assert!(is_silence(&error), "BEGIN: {error:?}");

        rig.serves().await;
        let mut transaction = rig.begin().await.unwrap();
        transaction.announce(&registry(turn), TestClock::new().now()).await.unwrap();
        rig.silence_at("commit", 0);
        let error = ends(transaction.commit()).await.unwrap_err();
        assert!(matches!(error, StoreError::CommitUnknown(_)), "COMMIT: {error:?}");
        until("what nobody heard of has happened", async || rig.announced(turn).await == 1).await;

        // A thousand rows are more than these bytes, and what precedes the first of them is less.
        rig.serves().await;
        rig.silence_at("select s.snapshot", 20_000);
        let error = ends(horizon.clone().read(&rig.database)).await.unwrap_err();
        assert!(matches!(&error, FeedError::Store(error) if is_silence(error)), "between rows: {error:?}");
    }
    rig.serves().await;
    assert_eq!(rig.line.strikes(), u64::from(4 * TIMES));
    assert_eq!(horizon.read(&rig.database).await.unwrap().changes.len(), 1_000 + TIMES as usize);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_on_its_way_back_is_not_kept() {
    let rig = Rig::new(Duration::from_secs(1)).await;
    for turn in 1..=u64::from(TIMES) {
        // At the ROLLBACK, and at the look whether it is clean, which a connection is asked in these words once.
        rig.serves().await;
        let transaction = rig.begin().await.unwrap();
        rig.silence_at("rollback", 0);
        drop(transaction);
        rig.line.struck(2 * turn - 1).await;
        rig.serves().await;
        rig.line.cut();
        rig.silence_at("select coalesce(current_setting('app.org_id'", 0);
        until("a connection has come back", async || rig.database.ping().await.is_ok()).await;
        rig.line.struck(2 * turn).await;
    }
    rig.serves().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fell_silent_while_unused_are_replaced() {
    let rig = Rig::new(Duration::from_secs(1)).await;
    for _ in 0..TIMES {
        rig.serves().await;
        rig.line.hush();
        rig.serves().await;
    }
    // Nothing passes, on new connections either.
    rig.line.set(Weather::BlackHole);
    for _ in 0..TIMES {
        assert!(matches!(rig.begin().await.unwrap_err(), StoreError::Unavailable(_)));
    }
    rig.line.set(Weather::Fair);
    rig.serves().await;
    rig.end().await;
}

/// What is bounded is the silence: an answer that keeps coming may take as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_that_keeps_coming_is_read_to_its_end() {
    let patience = Duration::from_secs(3);
    let mut rig = Rig::new(patience).await;
    let (mut horizon, _) = Horizon::begin(&rig.database).await.unwrap();
    // Where it begins is for the oldest transaction of all databases of the server to say.
    let _before = horizon.read(&rig.database).await.unwrap();
    rig.fill_feed(4_000).await;
    rig.line.set(Weather::Slow(Duration::from_millis(200)));
    let began = Instant::now();
    assert_eq!(horizon.read(&rig.database).await.unwrap().changes.len(), 4_000);
    assert!(began.elapsed() > patience, "it shows nothing: the answer came within {:?}", began.elapsed());
    rig.line.set(Weather::Fair);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_connections_fall_silent_go_on_hearing() {
    const FEED: &str = "select s.snapshot";
    let line = FaultProxy::start(server_of(&setting("WHARF_TEST_DATABASE_URL")), Protocol::Postgres).await;
    let stack = Stack::builder()
        .indexes(2)
        .downloads(2)
        .replicas_reach_database_at(line.address())
        .limit("database_silence_s", 1)
        .start()
        .await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    let partner = org.partner("partner", &["tool"]).await;
    let everywhere = async || {
        let mut statuses = Vec::new();
        for _ in 0..2 {
            statuses.push(partner.index("tool").await.status);
            statuses.push(partner.client().get(&partner.download_url("tool", "1.0.0")).await.status);
        }
        statuses
    };
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    assert_eq!(everywhere().await, [200, 302, 200, 302]);

    // Every connection of the replicas, and then every new one on which the feed is read, twice for each of the four.
    let before = line.strikes();
    line.strike(Strike::Silent(FEED, 0), 8);
    line.hush();
    let second = CrateFixture::new("tool", "1.1.0");
    let _published = org.owner.publish(&second).await.expect(200);
    line.struck(before + 8).await;
    until("every index has heard of the publish", async || {
        for _ in 0..2 {
            if !org.owner.index("tool").await.expect(200).text().contains(&second.cksum(&index)) {
                return false;
            }
        }
        true
    })
    .await;

    // In the middle of reading again, and now a right is lost.
    line.strike(Strike::Silent(FEED, 0), 4);
    line.hush();
    let path = format!("/registries/private/entitlements/{}", partner.entitlement.as_deref().unwrap());
    let _gone = org.manage("DELETE", &path, &serde_json::json!({})).await.expect(204);
    line.struck(before + 12).await;
    until("the revocation is heard of everywhere", async || everywhere().await.iter().all(|status| *status == 401))
        .await;

    // With nobody to ask, a credential that is not known is neither accepted nor refused.
    line.set(Weather::BlackHole);
    let stranger = org.partner("stranger", &["tool"]).await;
    let answer = stranger.index("tool").await.expect(503);
    assert!(answer.text().contains("try again in a moment"), "{}", answer.text());
    line.set(Weather::Fair);
    until("the stranger is known", async || stranger.index("tool").await.status == 200).await;
    drop(line);
    stack.stop().await;
}
