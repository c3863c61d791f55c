//! An index is brought forward when something happens, not when somebody asks: a reader who had to wait for it could measure
//! what happens to crates that it does not see.

use crate::crates::{publish, slim};
use crate::unknown::open_registry;
use std::time::Duration;
use tokio::net::TcpStream;
use wharf_testkit::database::server_of;
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Weather};
use wharf_testkit::{Stack, setting, until};

/// The first to ask after a change is told of it by a process that cannot reach the database any more: it was read before.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_reader_after_a_change_reads_nothing() {
    let line = FaultProxy::start(server_of(&setting("WHARF_TEST_DATABASE_URL")), Protocol::Postgres).await;
    let stack = Stack::builder().indexes(2).replicas_reach_database_at(line.address()).start().await;
    let org = stack.org("acme").await;
    let anybody = open_registry(&stack, &org).await;
    let open = org.owner.on("open");
    let mut minor = 0;
    // When is nobody's business, so a change may have been cut off from those who were about to read it.
    until("a change is read before anybody asks", async || {
        let before = anybody.refs().await;
        minor += 1;
        publish(&open, &slim("open-core", &format!("1.{minor}.0"))).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        line.set(Weather::Refused);
        until("the database is gone", async || TcpStream::connect(line.address()).await.is_err()).await;
        let after = anybody.refs().await;
        line.set(Weather::Fair);
        until("the database is back", async || anybody.refs().await.status == 200).await;
        assert!(matches!(after.status, 200 | 503), "{}", after.text());
        before.status == 200 && after.status == 200 && after.body != before.body
    })
    .await;
    stack.stop().await;
}
