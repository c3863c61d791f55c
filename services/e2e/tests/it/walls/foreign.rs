//! What else could reach across: views, reviewed functions called with another org's ids, writes that name another org in
//! every form SQL has, and keys that point across.

use super::forgetful::{End, attempt, furnish, insert_again};
use super::{SERVICE_ROLES, log_in, tenant_tables, texts};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::collections::BTreeSet;
use wharf_testkit::Stack;

/// Two furnished orgs and the ids of both.
async fn two_orgs() -> (Stack, PgConnection, [String; 2]) {
    let stack = Stack::start().await;
    furnish(&stack, "acme").await;
    furnish(&stack, "globex").await;
    let mut su = stack.setup.database.superuser().await;
    let mut ids = Vec::new();
    for slug in ["acme", "globex"] {
        ids.extend(texts(&mut su, &format!("select org_id::text from org where slug = '{slug}'")).await);
    }
    (stack, su, ids.try_into().unwrap())
}

async fn run(su: &mut PgConnection, statement: String) {
    let shown = statement.clone();
    su.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.unwrap_or_else(|error| panic!("{shown}: {error}"));
}

async fn holds(su: &mut PgConnection, role: &str, table: &str, right: &str) -> bool {
    !texts(su, &format!("select '' where has_table_privilege('{role}', '{table}', '{right}')")).await.is_empty()
}

/// A view with its caller's eyes is no way around; one with its owner's eyes would be, which shows that the test can see.
#[tokio::test(flavor = "multi_thread")]
async fn views_look_with_their_callers_eyes() {
    let (stack, mut su, [acme, globex]) = two_orgs().await;
    let mut shown = 0;
    for table in tenant_tables(&mut su).await {
        for (kind, option) in [("own", "true"), ("owners", "false")] {
            let name = format!("{kind}_{table}");
            run(
                &mut su,
                format!(
                    "create view {name} with (security_invoker = {option}) as select org_id from {table};
                     grant select on {name} to {}",
                    SERVICE_ROLES.join(", ")
                ),
            )
            .await;
        }
        for role in SERVICE_ROLES {
            let may = format!("select '' where has_column_privilege('{role}', '{table}', 'org_id', 'select')");
            if texts(&mut su, &may).await.is_empty() {
                continue;
            }
            let mut connection = log_in(&stack.setup.database, role).await;
            let foreign = |kind: &str| format!("select 1 from {kind}_{table} where org_id = '{globex}'");
            assert_eq!(attempt(&mut connection, Some(&acme), foreign("own")).await, End::Rows(0), "{role} {table}");
            assert_eq!(attempt(&mut connection, None, format!("select 1 from own_{table}")).await, End::Rows(0));
            let hole = attempt(&mut connection, Some(&acme), foreign("owners")).await;
            assert!(matches!(hole, End::Rows(1..)), "{role} {table}: a hole that this test cannot see: {hole:?}");
            shown += 1;
            connection.close().await.unwrap();
        }
    }
    assert!(shown > 20, "{shown} views looked through");
    stack.stop().await;
}

/// What a reviewed function may tell of orgs that are not the caller's. All the rest of the other org is marked, and must
/// not be told by any.
const TOLD: &[(&str, &[&str])] = &[
    // Addresses, which every process needs before it knows who asks.
    ("registry_directory", &["globex", "private", "second"]),
    // The names that became stale, which every process holds in memory.
    ("feed_read", &["partner-core", "hidden-core"]),
];

/// Arguments of a type that speak of the other org, as far as a caller could know them.
fn foreign_argument(kind: &str) -> &'static str {
    match kind {
        "uuid" => "(select org_id from known)",
        "uuid[]" => "array[(select org_id from known)]",
        "bytea[]" => "array['\\x00'::bytea, decode(repeat('ab', 32), 'hex')]",
        "bytea" => "decode(repeat('ab', 32), 'hex')",
        "timestamp with time zone" => "'1970-01-02'::timestamptz",
        "text" => "'owner@globex.example'",
        "xid8" => "'0'::xid8",
        "bigint" | "integer" => "1",
        "boolean" => "true",
        other => panic!("a reviewed function takes {other}: say here what a caller could know of another org"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_tell_nothing_of_another_org() {
    let (stack, mut su, [acme, globex]) = two_orgs().await;
    // Every text of the other org that stands nowhere else.
    let mut marks = BTreeSet::new();
    for table in tenant_tables(&mut su).await {
        let values = format!(
            "select distinct v.value from {table} t, lateral jsonb_each_text(to_jsonb(t)) v
             where t.org_id = '{globex}' and v.key <> 'org_id' and v.value is not null and length(v.value) >= 6
             except select v.value from {table} t, lateral jsonb_each_text(to_jsonb(t)) v where t.org_id = '{acme}'"
        );
        marks.extend(texts(&mut su, &values).await);
    }
    assert!(marks.len() > 40, "{} marks", marks.len());

    // Ids are no secrets of anybody; what hangs on them is.
    let is_id =
        |text: &str| uuid::Uuid::parse_str(text).is_ok() || text.parse::<i64>().is_ok() || text.contains("+00:00");
    let marks: Vec<String> = marks.into_iter().filter(|mark| !is_id(mark)).collect();
    let functions: Vec<(String, String, Vec<String>)> = sqlx::query_as(
        "select p.oid::regprocedure::text, p.proname::text,
                array(select format_type(t.oid, null) from unnest(p.proargtypes) with ordinality a(type, at)
                      join pg_type t on t.oid = a.type order by a.at)
         from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace order by 1",
    )
    .fetch_all(&mut su)
    .await
    .unwrap();
    assert!(functions.len() >= 11);
    let mut called = 0;
    for role in SERVICE_ROLES {
        let mut connection = log_in(&stack.setup.database, role).await;
        for (signature, name, types) in &functions {
            let arguments: Vec<&str> = types.iter().map(|kind| foreign_argument(kind)).collect();
            let call = format!(
                "with known as (select '{globex}'::uuid as org_id) select f::text from {name}({}) f",
                arguments.join(", ")
            );
            let granted = format!("select '' where has_function_privilege('{role}', '{signature}', 'execute')");
            let granted = !texts(&mut su, &granted).await.is_empty();
            for org in [Some(acme.as_str()), None] {
                let mut transaction = connection.begin().await.unwrap();
                if let Some(org) = org {
                    run(&mut transaction, format!("select set_config('app.org_id', '{org}', true)")).await;
                }
                let answer: Result<Vec<Option<String>>, _> =
                    sqlx::query_scalar(AssertSqlSafe(call.clone())).fetch_all(&mut *transaction).await;
                transaction.rollback().await.unwrap();
                if !granted {
                    let refused = answer.expect_err(&format!("{role} may call {signature}"));
                    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{signature}: {refused}");
                    continue;
                }
                called += 1;
                let told = answer.unwrap_or_else(|error| panic!("{role} {call}: {error}"));
                let allowed = TOLD.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, told)| told);
                for row in told.into_iter().flatten() {
                    let leak = marks.iter().find(|mark| row.contains(*mark) && !allowed.contains(&mark.as_str()));
                    assert!(leak.is_none(), "{signature} told {role} in {org:?} of {leak:?}: {row}");
                }
            }
        }
        connection.close().await.unwrap();
    }
    assert!(called >= 20, "{called} calls");

    // Housekeeping of an age at which nothing is touches nothing, whoever's it is.
    let rows = "select (select count(*) from outbox)::text || '/' || (select count(*) from idempotency)::text";
    let before = texts(&mut su, rows).await;
    let mut worker = log_in(&stack.setup.database, "wharf_worker").await;
    for prune in ["prune_outbox", "prune_idempotency"] {
        let gone: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select {prune}('1970-01-02')")))
            .fetch_one(&mut worker)
            .await
            .unwrap();
        assert_eq!(gone, 0);
    }
    assert_eq!(texts(&mut su, rows).await, before);
    stack.stop().await;
}

/// Every form of writing that SQL has, with rows of another org.
#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_writing_reaches_another_org() {
    let (stack, mut su, [acme, globex]) = two_orgs().await;
    let snapshot = async |su: &mut PgConnection, table: &str| {
        texts(
            su,
            &format!(
                "select md5((to_jsonb(t) - 'last_used_on')::text) from {table} t where org_id = '{globex}' order by 1"
            ),
        )
        .await
    };
    let mut written = 0;
    for role in SERVICE_ROLES {
        let mut connection = log_in(&stack.setup.database, role).await;
        for table in tenant_tables(&mut su).await {
            let before = snapshot(&mut su, &table).await;
            let row = texts(
                &mut su,
                &format!("select row_to_json(t)::text from {table} t where org_id = '{globex}' limit 1"),
            )
            .await;
            let insert = insert_again(&table, &row[0]);
            let column: Vec<String> = texts(
                &mut su,
                &format!(
                    "select attname::text from pg_attribute where attrelid = '{table}'::regclass and attnum > 0
                     and not attisdropped and attname <> 'org_id' and has_column_privilege('{role}', attrelid, attnum, 'update')
                     and has_column_privilege('{role}', attrelid, attnum, 'select')"
                ),
            )
            .await;
            let mut statements = Vec::new();
            if holds(&mut su, role, &table, "insert").await {
                statements.push((true, format!("{insert} on conflict do nothing")));
                statements.push((true, format!("with made as ({insert} returning 1) select * from made")));
                statements.push((true, format!("insert into {table} overriding system value select (json_populate_record(null::{table}, '{}')).* from generate_series(1, 2)", row[0].replace('\'', "''"))));
            }
            if let Some(column) = column.first() {
                statements.push((
                    false,
                    format!("update {table} t set {column} = f.{column} from {table} f where t.org_id = '{globex}'"),
                ));
                statements.push((false, format!("with made as (update {table} set {column} = {column} where org_id = '{globex}' returning 1) select * from made")));
                statements.push((false, format!("select 1 from {table} where org_id = '{globex}' for update")));
            }
            if holds(&mut su, role, &table, "delete").await {
                statements.push((false, format!("delete from {table} t using {table} f where t.org_id = '{globex}'")));
                statements.push((
                    false,
                    format!(
                        "with gone as (delete from {table} where org_id = '{globex}' returning 1) select * from gone"
                    ),
                ));
                statements.push((
                    false,
                    format!("merge into {table} t using (select '{globex}'::uuid as org) f on t.org_id = f.org when matched then delete"),
                ));
            }
            for (writes, statement) in statements {
                for org in [Some(acme.as_str()), None] {
                    written += 1;
                    let end = attempt(&mut connection, org, statement.clone()).await;
                    let safe = if writes { end == End::Walled } else { end == End::Rows(0) };
                    // A statement that the grants do not carry is no way either.
                    let safe = safe || matches!(&end, End::Failed(why) if why.starts_with("42501"));
                    assert!(safe, "{role} in {org:?}: {statement}: {end:?}");
                }
            }
            assert_eq!(snapshot(&mut su, &table).await, before, "{role} changed {table} of another org");
        }
        connection.close().await.unwrap();
    }
    assert!(written > 100, "{written} statements");
    stack.stop().await;
}

/// No row can point at a row of another org, whoever writes it: the same answer as for an id that is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_points_across() {
    let (stack, mut su, [acme, globex]) = two_orgs().await;
    type Key = (String, String, String, Vec<String>, Vec<String>);
    let keys: Vec<Key> = sqlx::query_as(
        "select k.conname::text, k.conrelid::regclass::text, k.confrelid::regclass::text,
                array(select a.attname::text from unnest(k.conkey) with ordinality c(n, at)
                      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.n order by c.at),
                array(select a.attname::text from unnest(k.confkey) with ordinality c(n, at)
                      join pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.n order by c.at)
         from pg_constraint k where k.contype = 'f' and k.connamespace = 'public'::regnamespace order by 1",
    )
    .fetch_all(&mut su)
    .await
    .unwrap();
    let mut crossed = 0;
    for (name, table, target, columns, theirs) in keys {
        // Keys to the org itself have nothing but the org; accounts belong to none.
        let links: Vec<_> = columns.iter().zip(&theirs).filter(|(column, _)| *column != "org_id").collect();
        if links.is_empty() || target == "account" {
            continue;
        }
        let point = |values: String| {
            let names: Vec<&str> = links.iter().map(|(column, _)| column.as_str()).collect();
            format!(
                "update {table} set ({}) = ({values}) where ctid = (select ctid from {table} where org_id = '{acme}'
                 and ({}) is not null limit 1)",
                names.join(", "),
                names.join(", ")
            )
        };
        let foreign: Vec<&str> = links.iter().map(|(_, theirs)| theirs.as_str()).collect();
        let across = point(format!("select {} from {target} where org_id = '{globex}' limit 1", foreign.join(", ")));
        let code = async |su: &mut PgConnection, statement: String| {
            let mut transaction = su.begin().await.unwrap();
            let end = sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await;
            transaction.rollback().await.unwrap();
            match end {
                Ok(done) => format!("{} rows", done.rows_affected()),
                Err(error) => error.as_database_error().unwrap().code().unwrap().into_owned(),
            }
        };
        let found = code(&mut su, across.clone()).await;
        if found == "0 rows" {
            // Optional, and empty in every row of this org: nothing to point with.
            continue;
        }
        crossed += 1;
        assert_eq!(found, "23503", "{name} of {table} points at another org's {target}: {across}");
    }
    assert!(crossed >= 10, "{crossed} keys tried");
    stack.stop().await;
}

/// What a transaction says of its org ends with it, however it ends.
#[tokio::test(flavor = "multi_thread")]
async fn the_org_of_a_transaction_ends_with_it() {
    let (stack, _su, [acme, globex]) = two_orgs().await;
    for role in ["wharf_api", "wharf_index", "wharf_download"] {
        let mut connection = log_in(&stack.setup.database, role).await;
        let rows = "select distinct org_id::text from registry";
        for end in ["commit", "rollback", "select 1/0", "rollback to early", "prepare"] {
            run(&mut connection, "begin".to_owned()).await;
            run(&mut connection, format!("select set_config('app.org_id', '{acme}', true)")).await;
            assert_eq!(texts(&mut connection, rows).await, std::slice::from_ref(&acme));
            match end {
                "rollback to early" => {
                    run(&mut connection, "savepoint early".to_owned()).await;
                    run(&mut connection, format!("select set_config('app.org_id', '{globex}', true)")).await;
                    run(&mut connection, "rollback to early".to_owned()).await;
                    assert_eq!(
                        texts(&mut connection, rows).await,
                        std::slice::from_ref(&acme),
                        "a savepoint takes its org back"
                    );
                    run(&mut connection, "commit".to_owned()).await;
                }
                "select 1/0" => {
                    let _failed = connection.execute("select 1/0").await.unwrap_err();
                    run(&mut connection, "rollback".to_owned()).await;
                }
                "prepare" => {
                    run(&mut connection, format!("prepare kept as {rows}")).await;
                    run(&mut connection, "commit".to_owned()).await;
                    assert!(texts(&mut connection, "execute kept").await.is_empty());
                }
                end => run(&mut connection, end.to_owned()).await,
            }
            assert!(texts(&mut connection, rows).await.is_empty(), "{role}: after {end}");
        }
        connection.close().await.unwrap();
    }
    stack.stop().await;
}
