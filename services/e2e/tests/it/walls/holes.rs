//! The schema is as it was reviewed; and holes planted in it are seen, each by the check that is there for it.

use super::{catalogue, texts};
use sqlx::{AssertSqlSafe, Connection, Executor};
use wharf_testkit::database::TestDatabase;

/// What somebody could well write in a migration, and what the catalogue must say to it.
const HOLES: &[(&str, &str)] = &[
    // Tables.
    ("create table note (org_id uuid not null, text text)", "without row-level security"),
    (
        "create table note (org_id uuid not null, text text); alter table note enable row level security;
         create policy tenant on note using (org_id = current_org()) with check (org_id = current_org())",
        "without row-level security",
    ),
    (
        "create table note (org_id uuid not null, text text); alter table note enable row level security;
         alter table note force row level security",
        "without the policy",
    ),
    (
        "create table note (org_id uuid, text text); alter table note enable row level security;
         alter table note force row level security;
         create policy tenant on note using (org_id = current_org()) with check (org_id = current_org())",
        "org_id that may be null",
    ),
    (
        "create table note (org_id uuid not null, text text); alter table note enable row level security;
         alter table note force row level security;
         create policy tenant on note using (org_id = current_org()) with check (true)",
        "without the policy",
    ),
    ("create table note (text text)", "without org_id"),
    ("create unlogged table note (text text)", "without org_id"),
    ("create schema side; create table side.note (org_id uuid not null)", "outside the one schema"),
    ("alter table token disable row level security", "without row-level security"),
    ("alter table version no force row level security", "without row-level security"),
    ("drop policy tenant on entitlement", "without the policy"),
    ("create policy more on crate for select to wharf_index using (true)", "further policies"),
    ("create policy more on crate for select using (true)", "further policies"),
    ("alter policy site on outbox to wharf_site, wharf_api", "further policies"),
    ("create view names as select org_id, name from crate", "without org_id|owner's eyes"),
    ("create materialized view names as select org_id, name from crate", "without org_id|owner's eyes"),
    (
        "create function told() returns trigger language plpgsql as 'begin return new; end';
         create trigger t after insert on crate for each row execute function told()",
        "triggers and rules",
    ),
    ("create rule r as on delete to crate do instead nothing", "triggers and rules"),
    (
        "create or replace function current_org() returns uuid language sql stable
         as 'select current_setting(''app.org_id'', true)::uuid'",
        "no org",
    ),
    // Keys.
    ("create unique index on crate (canonical)", "crate_canonical_idx"),
    ("alter table version add constraint v_key unique (version_id, org_id)", "v_key"),
    (
        "alter table token drop constraint token_pkey cascade; alter table token add primary key (token_id)",
        "token_pkey",
    ),
    (
        "create unique index on crate (crate_id);
         alter table replica add column crate_id uuid references crate (crate_id)",
        "replica",
    ),
    // Functions.
    (
        "create function all_names() returns setof text language sql security definer set search_path = public, pg_temp
         as 'select name from crate'",
        "all_names",
    ),
    ("alter function current_org() security definer", "current_org"),
    (
        "do $$ begin execute replace(pg_get_functiondef('auth_lookup(bytea[])'::regprocedure), 't.revoked_at is null', 'true');
         end $$",
        "what those functions do",
    ),
    ("alter function auth_lookup(bytea[]) reset search_path", "search path"),
    ("alter function auth_lookup(bytea[]) set search_path = pg_temp, public", "search path"),
    ("alter function registry_directory() owner to current_user", "registry_directory"),
    ("grant execute on function known_checksums(bytea[]) to wharf_api", "wharf_api"),
    ("grant execute on function auth_lookup(bytea[]) to public", "wharf_worker|open to everyone"),
    ("create function quick() returns int language sql as 'select 1'", "quick"),
    // Roles.
    ("alter role wharf_api bypassrls", "roles with powers"),
    ("alter role wharf_index createrole", "roles with powers"),
    ("alter role wharf_site login", "that logs in"),
    ("grant wharf_site to wharf_api", "become another|: wharf_api"),
    ("alter table crate owner to wharf_api", "a service owns"),
    ("grant create on schema public to wharf_worker", "may make things"),
    ("grant usage on sequence outbox_change_id_seq to wharf_api", "counters"),
    ("create sequence tickets; grant select on sequence tickets to wharf_index", "counters"),
    ("grant select on account to wharf_api", "account"),
    ("grant delete on audit_entry to wharf_api", "audit_entry"),
    ("grant update (cksum) on version to wharf_api", "version"),
    ("grant truncate on outbox to wharf_worker", "outbox"),
    ("grant select on org to public", "rights of everyone|org: select"),
    ("alter default privileges in schema public grant select on tables to wharf_index", "born with"),
    ("alter default privileges grant execute on functions to wharf_api", "born with"),
    (
        "do $$ begin execute format('alter role wharf_api in database %I set app.org_id = %L', current_database(), 'x'); end $$",
        "begin with",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_as_reviewed() {
    let database = TestDatabase::create().await;
    catalogue::check(&mut database.superuser().await).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_holes_are_seen() {
    let database = TestDatabase::create().await;
    let mut unseen = Vec::new();
    for (hole, what) in HOLES {
        let mut su = database.superuser().await;
        let checked = tokio::spawn(async move {
            // Nothing of it lasts: the transaction ends with the connection.
            let mut planted = su.begin().await.unwrap();
            let made = planted.execute(sqlx::raw_sql(AssertSqlSafe(*hole))).await;
            assert!(made.is_ok(), "PLANTED NOTHING: {made:?}");
            catalogue::check(&mut planted).await;
        });
        let said = match checked.await {
            Ok(()) => "nothing".to_owned(),
            Err(panic) => {
                let panic = panic.into_panic();
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
            }
        };
        if said.contains("PLANTED NOTHING") || !what.split('|').any(|part| said.contains(part)) {
            unseen.push(format!("{hole}\n    said: {said}"));
        }
    }
    assert!(unseen.is_empty(), "{}", unseen.join("\n"));
    // And all of it is gone.
    let mut su = database.superuser().await;
    assert!(texts(&mut su, "select '' from pg_roles where rolname like 'wharf\\_%' and rolbypassrls").await.is_empty());
    catalogue::check(&mut su).await;
    database.drop().await;
}
