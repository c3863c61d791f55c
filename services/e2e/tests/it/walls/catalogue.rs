//! The schema, read from Postgres' own catalogue and compared with what was reviewed.

use super::{SERVICE_ROLES, SITE_TABLES, tenant_tables, texts};
use sqlx::postgres::PgConnection;

/// Every function that runs with more rights than its caller's: signature, whose rights, who may call it.
const DEFINER_FUNCTIONS: &[(&str, &str, &[&str])] = &[
    ("account_for_email(text,uuid,timestamp with time zone)", "wharf_site", &["wharf_api"]),
    ("account_may_create_orgs(uuid)", "wharf_site", &["wharf_api"]),
    ("auth_lookup(bytea[])", "wharf_auth", &["wharf_api", "wharf_download", "wharf_index"]),
    ("auth_lookup_named(uuid,uuid)", "wharf_auth", &["wharf_download"]),
    ("create_service_account(uuid,timestamp with time zone)", "wharf_site", &["wharf_api"]),
    ("feed_read(xid8)", "wharf_site", &["wharf_api", "wharf_download", "wharf_index"]),
    ("known_checksums(bytea[])", "wharf_site", &["wharf_worker"]),
    ("member_emails()", "wharf_site", &["wharf_api"]),
    ("prune_git_seen(timestamp with time zone)", "wharf_site", &["wharf_worker"]),
    ("prune_idempotency(timestamp with time zone)", "wharf_site", &["wharf_worker"]),
    ("prune_index_changes(timestamp with time zone)", "wharf_site", &["wharf_worker"]),
    ("prune_outbox(timestamp with time zone)", "wharf_site", &["wharf_worker"]),
    ("prune_replicas(timestamp with time zone)", "wharf_site", &["wharf_worker"]),
    ("registry_directory()", "wharf_site", &["wharf_api", "wharf_download", "wharf_index"]),
];

/// What each of them does, as it was reviewed: SHA-256 of its body, of which blanks count as one.
const DEFINER_BODIES: &str = "\
account_for_email(text,uuid,timestamp with time zone) 3512e1ffbfe98f3b
account_may_create_orgs(uuid) 7c0919f8df64833a
auth_lookup(bytea[]) e4bb5215b3a1365a
auth_lookup_named(uuid,uuid) 49b52957833f05c7
create_service_account(uuid,timestamp with time zone) fae5c19209abf97f
feed_read(xid8) 299b65e7f796d4af
known_checksums(bytea[]) 04c8f7b0a010ecf6
member_emails() a9b09a01a31fd08a
prune_git_seen(timestamp with time zone) bb27b8d4e18c2103
prune_idempotency(timestamp with time zone) 8cb4d24501585edc
prune_index_changes(timestamp with time zone) a6e7c6c8c0fdc83f
prune_outbox(timestamp with time zone) 77f5d010c5050f88
prune_replicas(timestamp with time zone) 807ef4fdeec065b9
registry_directory() a95833341b1a3a38";

/// Keys that do not lead with the org. Uniqueness is checked past row-level security, so each of these can tell one
/// tenant something of another, and needs a reason.
const KEYS_WITHOUT_ORG: &[(&str, &str)] = &[
    ("org.org_slug_key", "the names of orgs share the address space of the site; that one is taken is no secret"),
    ("member.member_user_id_fkey", "an account belongs to no org; the id is found by a reviewed function, never given"),
];

/// What each service role may do to each table. More than this is a decision.
const GRANTS: &str = "\
wharf_api _sqlx_migrations: select
wharf_api audit_entry: insert select
wharf_api crate: insert select update(revision)
wharf_api crate_owner: delete insert select update
wharf_api entitlement: delete insert select update
wharf_api idempotency: insert select
wharf_api index_change: insert select
wharf_api index_head: insert select update(seq)
wharf_api index_line: insert select update(line)
wharf_api member: delete insert select update
wharf_api org: insert select update(name)
wharf_api outbox: insert select
wharf_api registry: insert select update
wharf_api replica: delete insert select update
wharf_api team: delete insert select update
wharf_api team_member: delete insert select update
wharf_api token: delete insert select update
wharf_api version: insert select update(yanked)
wharf_download _sqlx_migrations: select
wharf_download crate: select
wharf_download index_line: select
wharf_download registry: select
wharf_download replica: delete insert select update
wharf_download token: select(last_used_on,org_id,token_id) update(last_used_on)
wharf_download version: select
wharf_index _sqlx_migrations: select
wharf_index crate: select
wharf_index git_seen: insert select update(config_id,epoch,last_seen,seq,view_id)
wharf_index git_view: insert select update(last_seen)
wharf_index index_change: select
wharf_index index_head: select
wharf_index index_line: select
wharf_index registry: select
wharf_index replica: delete insert select update
wharf_index token: select(last_used_on,org_id,token_id) update(last_used_on)
wharf_index version: select
wharf_worker _sqlx_migrations: select";

async fn none(superuser: &mut PgConnection, what: &str, sql: &str) {
    let found = texts(superuser, sql).await;
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// Every table is a tenant's and walled, or reviewed.
async fn tables(su: &mut PgConnection) {
    let all = texts(
        su,
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm') order by 1",
    )
    .await;
    let walled = tenant_tables(su).await;
    assert!(walled.len() >= 14, "{walled:?}");
    let rest: Vec<&str> = all.iter().filter(|name| !walled.contains(name)).map(String::as_str).collect();
    let reviewed: Vec<&str> = SITE_TABLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(rest, reviewed, "tables, views and materialized views without org_id");

    none(
        su,
        "org_id that may be null",
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f') and not a.attnotnull",
    )
    .await;
    none(
        su,
        "tables without row-level security, or without it for their owner",
        "select c.relname::text from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f')
           and not (c.relrowsecurity and c.relforcerowsecurity)
           and c.relname not in ('_sqlx_migrations', 'replica')",
    )
    .await;
    none(
        su,
        "tenant tables without the policy that compares the org on the way in and on the way out",
        "select c.relname::text from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f') and not exists (
             select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant' and p.polcmd = '*'
                and p.polpermissive and p.polroles = '{0}'
                and pg_get_expr(p.polqual, p.polrelid) = '(org_id = current_org())'
                and pg_get_expr(p.polwithcheck, p.polrelid) = '(org_id = current_org())')",
    )
    .await;
    none(
        su,
        "relations outside the one schema",
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname not in ('public', 'pg_catalog', 'information_schema', 'pg_toast')
           and n.nspname !~ '^pg_(temp|toast_temp)_'",
    )
    .await;
    none(
        su,
        "triggers and rules, which act with rights and at moments of their own",
        "select tgrelid::regclass || ' ' || tgname from pg_trigger where not tgisinternal
         union all
         select r.ev_class::regclass || ' ' || r.rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class
         where c.relnamespace = 'public'::regnamespace and r.rulename <> '_RETURN'",
    )
    .await;
    // Policies are alternatives: one more that names a service, or everyone, would be a hole in the wall.
    none(
        su,
        "further policies that are not for the roles behind reviewed functions alone",
        "select c.relname || '.' || p.polname from pg_policy p join pg_class c on c.oid = p.polrelid
         where p.polname <> 'tenant' and p.polpermissive
           and exists (select from unnest(p.polroles) r(oid) left join pg_roles on pg_roles.oid = r.oid
                       where pg_roles.rolname is null or pg_roles.rolname not in ('wharf_auth', 'wharf_site'))",
    )
    .await;
    none(
        su,
        "views that look with their owner's eyes",
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace
           and (relkind = 'm' or relkind = 'v' and not coalesce(reloptions @> '{security_invoker=true}', false))",
    )
    .await;
    assert_eq!(
        texts(su, "select pg_get_functiondef('current_org'::regproc)").await[0].matches("nullif").count(),
        1,
        "an empty setting is no org"
    );
}

/// Keys lead with the org.
async fn keys(su: &mut PgConnection) {
    let mut found = texts(
        su,
        "with tenant as (
             select c.oid, c.relname, a.attnum from pg_class c
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f'))
         -- primary keys, unique constraints and unique indexes that stand alone
         select t.relname || '.' || i.relname from pg_index x
         join tenant t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
         where (x.indisunique or x.indisexclusion) and x.indkey[0] <> t.attnum
         union all
         -- foreign keys, on both ends
         select t.relname || '.' || k.conname from pg_constraint k
         join tenant t on t.oid = k.conrelid left join tenant f on f.oid = k.confrelid
         where k.contype = 'f' and (k.conkey[1] <> t.attnum or f.oid is null or k.confkey[1] <> f.attnum)
         union all
         -- foreign keys into tenant tables from outside
         select c.relname || '.' || k.conname from pg_constraint k
         join pg_class c on c.oid = k.conrelid join tenant f on f.oid = k.confrelid
         where k.contype = 'f' and k.conrelid not in (select oid from tenant)",
    )
    .await;
    found.sort();
    let mut reviewed: Vec<&str> = KEYS_WITHOUT_ORG.iter().map(|(key, _)| *key).collect();
    reviewed.sort_unstable();
    assert_eq!(found, reviewed);
}

/// Functions that look past the walls are reviewed.
async fn functions(su: &mut PgConnection) {
    let found = texts(
        su,
        "select p.oid::regprocedure || ' | ' || o.rolname from pg_proc p join pg_roles o on o.oid = p.proowner
         where p.prosecdef and p.pronamespace = 'public'::regnamespace order by 1",
    )
    .await;
    let reviewed: Vec<String> = DEFINER_FUNCTIONS.iter().map(|(name, owner, _)| format!("{name} | {owner}")).collect();
    assert_eq!(found, reviewed, "functions with their owner's rights");
    let bodies = texts(
        su,
        "select p.oid::regprocedure || ' '
                || left(encode(sha256(convert_to(regexp_replace(p.prosrc, '\\s+', ' ', 'g'), 'utf8')), 'hex'), 16)
         from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace order by 1",
    )
    .await;
    assert_eq!(bodies.join("\n"), DEFINER_BODIES, "what those functions do; review it, then take over the digest");
    none(
        su,
        "functions with their owner's rights and their caller's search path",
        "select oid::regprocedure::text from pg_proc
         where prosecdef and pronamespace = 'public'::regnamespace
           and proconfig is distinct from '{\"search_path=public, pg_temp\"}'",
    )
    .await;
    none(
        su,
        "functions with the rights of a superuser, of a role that bypasses the walls, or of one that logs in",
        "select p.oid::regprocedure::text from pg_proc p join pg_roles o on o.oid = p.proowner
         where p.prosecdef and p.pronamespace = 'public'::regnamespace
           and (o.rolsuper or o.rolbypassrls or o.rolcanlogin)",
    )
    .await;
    for role in SERVICE_ROLES {
        let may_call = texts(
            su,
            &format!(
                "select oid::regprocedure::text from pg_proc
                 where pronamespace = 'public'::regnamespace and has_function_privilege('{role}', oid, 'execute')
                 order by 1"
            ),
        )
        .await;
        let mut reviewed: Vec<&str> = DEFINER_FUNCTIONS
            .iter()
            .filter(|(_, _, callers)| callers.contains(&role))
            .map(|(name, _, _)| *name)
            .chain(["current_org()"])
            .collect();
        reviewed.sort_unstable();
        assert_eq!(may_call, reviewed, "{role}");
    }
    none(
        su,
        "functions open to everyone",
        "select p.oid::regprocedure::text from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         where p.pronamespace = 'public'::regnamespace and a.grantee = 0 and p.proname <> 'current_org'",
    )
    .await;
}

/// Service roles have no way around.
async fn roles(su: &mut PgConnection) {
    assert_eq!(
        texts(su, "select rolname::text from pg_roles where rolname like 'wharf\\_%' order by 1").await,
        ["wharf_api", "wharf_auth", "wharf_download", "wharf_index", "wharf_site", "wharf_worker"]
    );
    none(
        su,
        "roles with powers",
        "select rolname::text from pg_roles
         where rolname like 'wharf\\_%'
           and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
    )
    .await;
    none(
        su,
        "roles behind functions that log in",
        "select rolname::text from pg_roles where rolname in ('wharf_auth', 'wharf_site') and rolcanlogin",
    )
    .await;
    none(
        su,
        "roles that can become another",
        "select m.rolname || ' in ' || r.rolname from pg_auth_members x
         join pg_roles m on m.oid = x.member join pg_roles r on r.oid = x.roleid
         where m.rolname like 'wharf\\_%'",
    )
    .await;
    none(
        su,
        "tables, sequences or schemas that a service owns",
        "select c.relname::text from pg_class c join pg_roles o on o.oid = c.relowner where o.rolname like 'wharf\\_%'
         union all
         select n.nspname::text from pg_namespace n join pg_roles o on o.oid = n.nspowner where o.rolname like 'wharf\\_%'",
    )
    .await;
    none(
        su,
        "roles that may make things",
        "select rolname::text from pg_roles
         where rolname like 'wharf\\_%' and (has_schema_privilege(rolname, 'public', 'create')
            or has_database_privilege(rolname, current_database(), 'create'))",
    )
    .await;
    // A counter that all tenants share tells each how busy the others are.
    none(
        su,
        "counters that a service may read",
        "select r.rolname || ' ' || s.relname from pg_roles r, pg_class s
         where r.rolname like 'wharf\\_%' and s.relkind = 'S' and s.relnamespace = 'public'::regnamespace
           and has_sequence_privilege(r.rolname, s.oid, 'select, usage, update')",
    )
    .await;
    none(
        su,
        "rights that things yet to be made would be born with",
        "select defaclrole::regrole || ' ' || defaclobjtype::text || ' ' || coalesce(defaclacl::text, '')
         from pg_default_acl",
    )
    .await;
    none(
        su,
        "settings that sessions of a role begin with",
        "select setrole::regrole || ' ' || array_to_string(setconfig, ',') from pg_db_role_setting
         where setdatabase in (0, (select oid from pg_database where datname = current_database()))
           and array_to_string(setconfig, ',') ~ '(app\\.|role=|row_security|session_authorization|search_path|synchronous_commit)'",
    )
    .await;
    none(
        su,
        "rights of everyone",
        "select c.relname || ' ' || a.privilege_type from pg_class c, aclexplode(c.relacl) a
         where c.relnamespace = 'public'::regnamespace and a.grantee = 0",
    )
    .await;
    let roles = SERVICE_ROLES.map(|role| format!("'{role}'")).join(", ");
    let grants = texts(
        su,
        &format!(
            "with role(name) as (select unnest(array[{roles}])),
             tab as (select oid, relname from pg_class
                     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm')),
             right_(name, of_columns) as (values ('select', true), ('insert', true), ('update', true),
                ('references', true), ('delete', false), ('truncate', false), ('trigger', false)),
             held as (
                 select role.name as role, tab.relname,
                        right_.name || coalesce('(' || (
                            select string_agg(a.attname, ',' order by a.attname) from pg_attribute a
                            where a.attrelid = tab.oid and a.attnum > 0 and not a.attisdropped
                              and not has_table_privilege(role.name, tab.oid, right_.name)
                              and case when right_.of_columns
                                  then has_column_privilege(role.name, tab.oid, a.attnum, right_.name) end
                        ) || ')', case when has_table_privilege(role.name, tab.oid, right_.name) then '' end) as what
                 from role, tab, right_)
             select role || ' ' || relname || ': ' || string_agg(what, ' ' order by what)
             from held where what is not null group by role, relname order by role, relname"
        ),
    )
    .await;
    assert_eq!(grants.join("\n"), GRANTS);
}

/// Everything that is looked for in the schema.
pub(super) async fn check(su: &mut PgConnection) {
    tables(su).await;
    keys(su).await;
    functions(su).await;
    roles(su).await;
}
