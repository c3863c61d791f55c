//! Each service role, with queries that forget their org, on rows of two orgs written by the product itself.

use super::{SERVICE_ROLES, log_in, tenant_tables, texts};
use serde_json::json;
use sqlx::postgres::{PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, Connection};
use std::collections::BTreeMap;
use wharf_testkit::{Client, CrateFixture, Org, Stack};

/// What one role may do to one table, as the catalogue says.
struct Powers {
    role: &'static str,
    table: String,
    readable: Vec<String>,
    writable: Vec<String>,
    inserts: bool,
    deletes: bool,
}

/// How a statement ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Rows(u64),
    Walled,
    Failed(String),
}

/// An org with a row in every table.
pub(super) async fn furnish(stack: &Stack, slug: &str) -> Org {
    let org = stack.org(slug).await;
    let pat =
        org.member("pat", "publisher", "upload", &["index:read@*", "crate:publish-new@*", "crate:publish@*"]).await;
    let _published = pat.publish(&CrateFixture::new("partner-core", "1.0.0")).await.expect(200);
    let _published = pat.publish(&CrateFixture::new("hidden-core", "0.3.0")).await.expect(200);
    let _team = org.manage("POST", "/teams", &json!({ "slug": "core", "name": "Core" })).await.expect(201);
    let joined = org.manage("PUT", "/teams/core/members/pat", &json!({})).await;
    assert!(matches!(joined.status, 200 | 201 | 204), "{}", joined.text());
    let _partner = org.partner("customer", &["partner-*"]).await;
    // A create that may be sent again leaves its sealed answer.
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let body = json!({ "slug": "second" }).to_string().into_bytes();
    let _made = org.owner.client().send("POST", &org.url("/registries"), &headers, Some(body)).await.expect(201);
    let _owned = Client::with(&org.owner.secret)
        .json("PUT", &org.owner.crates_url("/hidden-core/owners"), &json!({ "users": ["team:core"] }))
        .await
        .expect(200);
    // What a reader of the git index was offered; the product remembers it of large views only.
    let seen = "with place as (select org_id, registry_id from registry join org using (org_id)
                               where org.slug = $1 and registry.slug = 'private'),
                defined as (insert into git_view (org_id, registry_id, view_id, rules, last_seen)
                            select org_id, registry_id, decode(repeat('ab', 32), 'hex'), '[]', now() from place)
                insert into git_seen (org_id, registry_id, reader_id, commit_id, seq, view_id, config_id, epoch, last_seen)
                select org_id, registry_id, gen_random_uuid(), decode(repeat('ab', 20), 'hex'), 1,
                       decode(repeat('ab', 32), 'hex'), decode(repeat('ab', 20), 'hex'), 1, now() from place";
    sqlx::query(seen).bind(slug).execute(&mut stack.setup.database.superuser().await).await.unwrap();
    org
}

async fn ids(superuser: &mut PgConnection) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("select slug, org_id::text from org").fetch_all(superuser).await.unwrap();
    rows.into_iter().collect()
}

async fn powers(superuser: &mut PgConnection, role: &'static str, table: &str) -> Powers {
    let columns = |right: &str| {
        format!(
            "select attname::text from pg_attribute where attrelid = '{table}'::regclass and attnum > 0
             and not attisdropped and has_column_privilege('{role}', attrelid, attnum, '{right}')"
        )
    };
    let holds = |right: &str| format!("select '' where has_table_privilege('{role}', '{table}', '{right}')");
    Powers {
        role,
        table: table.to_owned(),
        readable: texts(superuser, &columns("select")).await,
        writable: texts(superuser, &columns("update")).await,
        inserts: !texts(superuser, &holds("insert")).await.is_empty(),
        deletes: !texts(superuser, &holds("delete")).await.is_empty(),
    }
}

async fn count(superuser: &mut PgConnection, table: &str, org: &str) -> u64 {
    let sql = format!("select count(*)::text from {table} where org_id = '{org}'");
    texts(superuser, &sql).await[0].parse().unwrap()
}

/// Runs one statement as a service would: in a transaction that may name an org. Nothing of it remains.
pub(super) async fn attempt(connection: &mut PgConnection, org: Option<&str>, statement: String) -> End {
    let mut transaction = connection.begin().await.unwrap();
    if let Some(org) = org {
        sqlx::query("select set_config('app.org_id', $1, true)").bind(org).execute(&mut *transaction).await.unwrap();
    }
    let end = match sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await {
        Ok(done) => End::Rows(done.rows_affected()),
        Err(error) => {
            let refused = error.as_database_error().unwrap_or_else(|| panic!("{error}"));
            let refused = refused.downcast_ref::<PgDatabaseError>();
            if refused.message().contains("violates row-level security policy") {
                End::Walled
            } else {
                End::Failed(format!("{} {}", refused.code(), refused.message()))
            }
        }
    };
    transaction.rollback().await.unwrap();
    end
}

/// The statement that writes a stored row once more.
pub(super) fn insert_again(table: &str, row: &str) -> String {
    let row = row.replace('\'', "''");
    format!("insert into {table} overriding system value select (json_populate_record(null::{table}, '{row}')).*")
}

impl Powers {
    /// Reads without a `where`, in every form the grants allow.
    async fn reads(&self, connection: &mut PgConnection, org: Option<&str>, expected: u64) {
        let Self { role, table, readable, .. } = self;
        if readable.is_empty() {
            return;
        }
        let all = format!("select {} from {table}", readable.join(", "));
        assert_eq!(attempt(connection, org, all).await, End::Rows(expected), "{role} reads {table} in {org:?}");
        if let Some(org) = org.filter(|_| readable.iter().any(|column| column == "org_id")) {
            let foreign = format!("select 1 from {table} where org_id <> '{org}'");
            assert_eq!(
                attempt(connection, Some(org), foreign).await,
                End::Rows(0),
                "{role} reads {table} beyond {org}"
            );
        }
    }

    /// Updates without a `where`, rows of another org by name, and rows into another org.
    async fn updates(&self, connection: &mut PgConnection, org: Option<&str>, foreign: &str, own: u64) {
        let Self { role, table, readable, writable, .. } = self;
        // `set c = c` needs to read the column.
        if let Some(column) = writable.iter().find(|column| readable.contains(column) && *column != "org_id") {
            let all = format!("update {table} set {column} = {column}");
            assert_eq!(attempt(connection, org, all).await, End::Rows(own), "{role} updates {table} in {org:?}");
            let named = format!("update {table} set {column} = {column} where org_id = '{foreign}'");
            assert_eq!(attempt(connection, org, named).await, End::Rows(0), "{role} updates {table} of another org");
        }
        if writable.iter().any(|column| column == "org_id") {
            let moved = format!("update {table} set org_id = '{foreign}'");
            let expected = if own == 0 { End::Rows(0) } else { End::Walled };
            assert_eq!(attempt(connection, org, moved).await, expected, "{role} moves rows of {table} to another org");
        }
    }

    /// Deletes of another org's rows, by name and by forgetting.
    async fn deletes(&self, connection: &mut PgConnection, org: Option<&str>, foreign: &str, own: u64) {
        let Self { role, table, .. } = self;
        if !self.deletes {
            return;
        }
        let named = format!("delete from {table} where org_id = '{foreign}'");
        assert_eq!(attempt(connection, org, named).await, End::Rows(0), "{role} deletes {table} of another org");
        let all = attempt(connection, org, format!("delete from {table}")).await;
        assert_eq!(all, End::Rows(own), "{role} deletes {table} in {org:?}");
    }

    /// Inserts of rows that name another org.
    async fn inserts(&self, connection: &mut PgConnection, org: &str, own_row: &str, foreign_row: &str) {
        let Self { role, table, .. } = self;
        if !self.inserts {
            return;
        }
        let foreign = insert_again(table, foreign_row);
        for place in [Some(org), None] {
            let end = attempt(connection, place, foreign.clone()).await;
            assert_eq!(end, End::Walled, "{role} inserts another org's row into {table} in {place:?}");
        }
        // The same statement with a row of its own org gets past the wall: to the key, which has that row already.
        let own = attempt(connection, Some(org), insert_again(table, own_row)).await;
        assert!(
            matches!(&own, End::Failed(why) if why.starts_with("23505")),
            "{role} inserts its own row into {table}: {own:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_forgets_its_org_meets_nothing_foreign() {
    let stack = Stack::start().await;
    furnish(&stack, "acme").await;
    furnish(&stack, "globex").await;
    let su = &mut stack.setup.database.superuser().await;
    let orgs = ids(su).await;
    let (acme, globex) = (&orgs["acme"], &orgs["globex"]);
    let nobody = uuid_of_nobody();

    for role in SERVICE_ROLES {
        let mut connection = log_in(&stack.setup.database, role).await;
        for table in tenant_tables(su).await {
            let powers = powers(su, role, &table).await;
            for (own, foreign) in [(acme, globex), (globex, acme)] {
                let rows = count(su, &table, own).await;
                assert!(rows > 0, "{table} has no row of {own}: furnish it, or this test shows nothing");
                powers.reads(&mut connection, Some(own), rows).await;
                powers.updates(&mut connection, Some(own), foreign, rows).await;
                powers.deletes(&mut connection, Some(own), foreign, rows).await;
                let [own_row, foreign_row] = [own, foreign]
                    .map(|org| format!("select row_to_json(t)::text from {table} t where org_id = '{org}' limit 1"));
                let (own_row, foreign_row) = (&texts(su, &own_row).await[0], &texts(su, &foreign_row).await[0]);
                powers.inserts(&mut connection, own, own_row, foreign_row).await;
            }
            for place in [None, Some(""), Some(nobody)] {
                powers.reads(&mut connection, place.filter(|org| !org.is_empty()), 0).await;
                powers.updates(&mut connection, place, acme, 0).await;
                powers.deletes(&mut connection, place, acme, 0).await;
            }
        }
        connection.close().await.unwrap();
    }

    // What looks past the walls by design still keeps to the org where it speaks of one.
    let mut api = log_in(&stack.setup.database, "wharf_api").await;
    for (slug, org) in &orgs {
        let mut transaction = api.begin().await.unwrap();
        sqlx::query("select set_config('app.org_id', $1, true)").bind(org).execute(&mut *transaction).await.unwrap();
        let emails: Vec<String> =
            sqlx::query_scalar("select email from member_emails()").fetch_all(&mut *transaction).await.unwrap();
        transaction.rollback().await.unwrap();
        assert!(!emails.is_empty() && emails.iter().all(|email| email.contains(slug)), "{slug}: {emails:?}");
    }
    assert!(texts(&mut api, "select email from member_emails()").await.is_empty(), "no org has no members");
    stack.stop().await;
}

/// The id of no org.
fn uuid_of_nobody() -> &'static str {
    "00000000-0000-4000-8000-000000000000"
}
