//! Wants of commits that are unknown: a process looks whether it missed something, and nobody else waits or fails for it.

use crate::crates::{publish, slim};
use crate::wire::fetch;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpStream;
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::database::server_of;
use wharf_testkit::fault_proxy::{self, FaultProxy, Weather};
use wharf_testkit::{Answer, Client, Org, Stack, git_protocol, setting, until};

/// Whoever comes by, at one process.
pub(crate) struct Anybody {
    client: Client,
    url: String,
}

impl Anybody {
    pub(crate) async fn refs(&self) -> Answer {
        git_protocol::refs(&self.client, &self.url, Protocol::V0).await
    }

    async fn want_nonsense(&self) -> Answer {
        let body = fetch(Protocol::V2, ObjectId::new([0xab; 20]), &[]);
        git_protocol::post(&self.client, &self.url, Protocol::V2, &[], body).await
    }
}

/// A registry where all may read, and somebody who asks its first process.
pub(crate) async fn open_registry(stack: &Stack, org: &Org) -> Anybody {
    let open = org.add_registry("open", &json!({ "visibility": "public" })).await;
    publish(&open, &slim("open-core", "1.0.0")).await;
    let index = stack.replicas().first().map_or(stack.setup.index.clone(), |(_, address)| format!("http://{address}"));
    Anybody { client: Client::anonymous(), url: format!("{index}/acme/open") }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_only_the_one_who_wants_it_is_refused() {
    let server = server_of(&setting("WHARF_TEST_DATABASE_URL"));
    let line = FaultProxy::start(server, fault_proxy::Protocol::Postgres).await;
    let stack = Stack::builder().indexes(2).replicas_reach_database_at(line.address()).start().await;
    let org = stack.org("acme").await;
    let anybody = open_registry(&stack, &org).await;
    let told = anybody.refs().await.expect(200).body;
    line.set(Weather::Refused);
    until("the database is gone", async || TcpStream::connect(line.address()).await.is_err()).await;
    assert!(anybody.refs().await.expect(200).body == told, "from memory");
    for _ in 0..2 {
        let _cannot_tell = anybody.want_nonsense().await.expect(503);
        assert!(anybody.refs().await.expect(200).body == told, "after somebody wanted nonsense");
    }
    line.set(Weather::Fair);
    until("the database is back", async || anybody.want_nonsense().await.status == 200).await;
    assert!(anybody.want_nonsense().await.expect(200).text().contains("ERR upload-pack: not our ref abab"));
    assert!(anybody.refs().await.expect(200).body == told);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_look_that_somebody_provoked() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let anybody = open_registry(&stack, &org).await;
    let told = anybody.refs().await.expect(200).body;
    // A look at the database that takes as long as the test likes.
    let mut slow = stack.setup.database.superuser().await;
    sqlx::raw_sql("begin; lock table index_head in access exclusive mode").execute(&mut slow).await.unwrap();
    let wanting = async { anybody.want_nonsense().await.expect(200).text() };
    let others = async {
        let mut database = stack.setup.database.superuser().await;
        until("somebody looks", async || {
            let waiting = "select count(*) from pg_locks where not granted and relation = 'index_head'::regclass";
            sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut database).await.unwrap() > 0
        })
        .await;
        for _ in 0..3 {
            let told_now = tokio::time::timeout(Duration::from_secs(10), anybody.refs()).await;
            assert!(told_now.expect("whoever asks for the refs waits").expect(200).body == told);
        }
        sqlx::raw_sql("commit").execute(&mut slow).await.unwrap();
    };
    let (answer, ()) = tokio::join!(wanting, others);
    assert!(answer.contains("ERR upload-pack: not our ref abab"), "{answer}");
    stack.stop().await;
}
