//! Every change leaves an audit entry in the same transaction: with the audit out of order no route changes anything, and
//! with it in order each change is told exactly once, under the id of its request. A route that changes something and has
//! no act here fails the test.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::collections::BTreeSet;
use wharf_testkit::{CrateFixture, Org, Stack};

/// Routes that do not read by their method, and change nothing.
const CHANGES_NOTHING: &[&str] = &["preview_entitlement"];

struct Acts<'a> {
    org: &'a Org,
    database: PgConnection,
    done: BTreeSet<&'static str>,
}

impl Acts<'_> {
    /// Sends a request twice: while no audit entry can be written, and when one can.
    async fn act(&mut self, operation: &'static str, method: &str, url: &str, body: Vec<u8>) -> Value {
        let headers = [("content-type", "application/json")];
        let client = self.org.owner.client();
        let before = (everything(&mut self.database).await, entries(&mut self.database).await);
        let _out_of_order = self.database.execute("revoke insert on audit_entry from wharf_api").await.unwrap();
        let refused = client.send(method, url, &headers, Some(body.clone())).await;
        assert!(refused.status >= 500, "{operation} without an audit: {} {}", refused.status, refused.text());
        let after = (everything(&mut self.database).await, entries(&mut self.database).await);
        assert_eq!(after, before, "{operation} without an audit changed something");
        let _in_order = self.database.execute("grant insert on audit_entry to wharf_api").await.unwrap();

        let answer = client.send(method, url, &headers, Some(body)).await;
        assert!((200..300).contains(&answer.status), "{operation}: {} {}", answer.status, answer.text());
        assert_ne!(everything(&mut self.database).await, before.0, "{operation} changed nothing");
        assert_eq!(entries(&mut self.database).await, before.1 + 1, "{operation}");
        let told: i64 = sqlx::query_scalar("select count(*) from audit_entry where request_id = $1")
            .bind(answer.header("x-request-id"))
            .fetch_one(&mut self.database)
            .await
            .unwrap();
        assert_eq!(told, 1, "{operation}: the entry names its request");
        self.done.insert(operation);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// An act of the JSON API within the org.
    async fn manage(&mut self, operation: &'static str, method: &str, path: &str, body: &Value) -> Value {
        let url = self.org.url(path);
        self.act(operation, method, &url, body.to_string().into_bytes()).await
    }

    /// An act of cargo's web API.
    async fn cargo(&mut self, operation: &'static str, method: &str, path: &str, body: Vec<u8>) {
        let url = self.org.owner.crates_url(path);
        let _answer = self.act(operation, method, &url, body).await;
    }
}

async fn entries(database: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from audit_entry").fetch_one(database).await.unwrap()
}

/// A digest of every row that a request could change.
async fn everything(database: &mut PgConnection) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not in ('audit_entry', 'replica')
         order by table_name",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    let mut digests = Vec::new();
    for table in tables {
        // The day of last use is noted now and then, by a job.
        let rows = format!("select (to_jsonb(t) - 'last_used_on')::text as row from \"{table}\" t");
        let digest =
            format!("select '{table} ' || md5(coalesce(string_agg(row, ',' order by row), '')) from ({rows}) r");
        digests.push(sqlx::query_scalar(AssertSqlSafe(digest)).fetch_one(&mut *database).await.unwrap());
    }
    digests
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_or_does_not_happen() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let database = stack.setup.database.superuser().await;
    let mut acts = Acts { org: &org, database, done: BTreeSet::new() };
    let nothing = json!({});

    acts.cargo("cargo_publish", "PUT", "/new", CrateFixture::new("told", "1.0.0").body("")).await;
    acts.cargo("cargo_yank", "DELETE", "/told/1.0.0/yank", Vec::new()).await;
    acts.cargo("cargo_unyank", "PUT", "/told/1.0.0/unyank", Vec::new()).await;
    let bot = json!({ "kind": "service", "login": "bot", "role": "reader" });
    acts.manage("add_member", "POST", "/members", &bot).await;
    acts.manage("update_member", "PATCH", "/members/bot", &json!({ "role": "publisher" })).await;
    let owners = json!({ "users": ["bot"] }).to_string().into_bytes();
    acts.cargo("cargo_add_owners", "PUT", "/told/owners", owners.clone()).await;
    acts.cargo("cargo_remove_owners", "DELETE", "/told/owners", owners).await;

    acts.manage("create_team", "POST", "/teams", &json!({ "slug": "crew" })).await;
    acts.manage("add_team_member", "PUT", "/teams/crew/members/bot", &nothing).await;
    acts.manage("remove_team_member", "DELETE", "/teams/crew/members/bot", &nothing).await;

    acts.manage("create_registry", "POST", "/registries", &json!({ "slug": "second" })).await;
    acts.manage("update_registry", "PATCH", "/registries/second", &json!({ "crates_io_allowed": false })).await;

    let token = acts.manage("issue_token", "POST", "/tokens", &json!({ "name": "ci", "kind": "download" })).await;
    let token = format!("/tokens/{}", token["token"]["id"].as_str().unwrap());
    acts.manage("rotate_token", "POST", &format!("{token}/rotate"), &nothing).await;
    acts.manage("revoke_token", "DELETE", &token, &nothing).await;

    let list = "/registries/private/entitlements";
    let terms = json!({ "name": "partner", "rules": [{ "allow": ["told"] }] });
    let made = acts.manage("grant_entitlement", "POST", list, &terms).await;
    let one = format!("{list}/{}", made["id"].as_str().unwrap());
    acts.manage("change_entitlement", "PATCH", &one, &json!({ "note": "other" })).await;
    acts.manage("disable_entitlement", "POST", &format!("{one}/disable"), &nothing).await;
    acts.manage("enable_entitlement", "POST", &format!("{one}/enable"), &nothing).await;
    acts.manage("rotate_entitlement", "POST", &format!("{one}/rotate"), &nothing).await;
    acts.manage("withdraw_entitlement", "DELETE", &one, &nothing).await;
    acts.manage("remove_member", "DELETE", "/members/bot", &nothing).await;
    let orgs = format!("{}/api/v1/orgs", stack.setup.app);
    let another = json!({ "slug": "another", "name": "Another" });
    let _made = acts.act("create_org", "POST", &orgs, another.to_string().into_bytes()).await;

    let changing: BTreeSet<&str> = wharf_api::route::all()
        .chain(wharf_api::cargo::ROUTES)
        .filter(|route| route.method != "GET" && !CHANGES_NOTHING.contains(&route.operation))
        .map(|route| route.operation)
        .collect();
    assert_eq!(acts.done, changing);
    drop(acts);
    stack.stop().await;
}
