//! The collector of files that no version needs.

use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::task::JoinSet;
use wharf::serve::Service;
use wharf_chassis::SystemClock;
use wharf_domain::{Clock, Secret, Timestamp};
use wharf_registry::maintenance::collect_orphans;
use wharf_store::maintenance::OrphanCheck;
use wharf_store::{Database, DatabaseRole};
use wharf_testkit::database::{SERVICE_PASSWORD, at_address, server_of};
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Strike};
use wharf_testkit::{CrateFixture, Stack, until};

/// So long after the present moment, by which files are dated.
struct Later(Duration);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0)
    }
}

/// Its session holds up publishes of what it deletes. Without it they go on, and need the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_whose_session_is_lost_deletes_nothing() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    let site = stack.site(Service::Api);
    let orphan = b"left behind by a publish";
    let sha256: [u8; 32] = Sha256::digest(orphan).into();
    let _put = site.blobs().put(sha256, orphan.as_slice().into()).await.unwrap();
    let line = FaultProxy::start(server_of(stack.setup.database.owner_url()), Protocol::Postgres).await;
    let url = Secret::new(at_address(stack.setup.database.owner_url(), line.address()));
    let password = Secret::new(SERVICE_PASSWORD.to_owned());
    let worker = Database::for_service(&url, DatabaseRole::Worker, &password, 1, Duration::from_secs(1)).unwrap();
    assert_eq!(
        collect_orphans(&worker, site.blobs(), &Later(Duration::ZERO)).await.unwrap(),
        0,
        "a publish may be under way"
    );
    let in_two_days = Later(Duration::from_secs(2 * 86_400));
    let collect = || collect_orphans(&worker, site.blobs(), &in_two_days);

    for lost in ["select true as \"still_holds!\"", "select true as \"has_held!\""] {
        let before = line.strikes();
        line.strike(Strike::Silent(lost, 0), 1);
        let error = collect().await.unwrap_err();
        assert_eq!((error.kind(), line.strikes()), (wharf_registry::Kind::Unavailable, before + 1), "{error:?}");
        assert!(site.blobs().stat(sha256).await.unwrap().is_some(), "deleted without a session: {lost}");
    }

    assert_eq!(collect().await.unwrap(), 1);
    assert!(site.blobs().stat(sha256).await.unwrap().is_none());
    let _kept = org.owner.download("tool", "1.0.0").await.expect(200);
    worker.close().await;
    stack.stop().await;
}

/// Each of them holds a connection while it waits; twelve would hold every one that there is.
#[tokio::test(flavor = "multi_thread")]
async fn publishes_that_wait_for_their_files_leave_connections_to_others() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    let crates: Vec<CrateFixture> =
        (0..12).map(|number| CrateFixture::new(&format!("tool-{number}"), "1.0.0")).collect();
    let files: Vec<[u8; 32]> = crates.iter().map(|krate| Sha256::digest(krate.archive(&index)).into()).collect();
    let worker = wharf::assemble::database(&stack.setup.config(), DatabaseRole::Worker).unwrap();
    let mut check = OrphanCheck::begin(&worker).await.unwrap();
    assert_eq!(check.orphans_any_org(&files).await.unwrap().len(), 12);

    let mut publishes = JoinSet::new();
    for krate in crates {
        let publisher = org.owner.clone();
        publishes.spawn(async move { publisher.publish(&krate).await.status });
    }
    let mut superuser = stack.setup.database.superuser().await;
    let waiting = "select count(*) from pg_locks join pg_database on oid = database
                   where datname = current_database() and locktype = 'advisory' and not granted";
    until("publishes wait", async || {
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut superuser).await.unwrap() >= 4
    })
    .await;
    for _ in 0..20 {
        assert_eq!(org.owner.client().get(&org.url("/registries")).await.status, 200);
    }
    check.end().await.unwrap();
    worker.close().await;
    let statuses = publishes.join_all().await;
    assert_eq!(statuses, [200; 12]);
    stack.stop().await;
}
