-- The second wall between tenants: a query that forgets its org sees nothing and writes nothing.
do $$
declare
    guarded text;
begin
    foreach guarded in array array[
        'org', 'member', 'team', 'team_member', 'registry', 'crate', 'version', 'index_line', 'crate_owner',
        'entitlement', 'token', 'audit_entry', 'outbox', 'idempotency'
    ] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy tenant on %I using (org_id = current_org()) with check (org_id = current_org())', guarded);
    end loop;
end
$$;
alter table account enable row level security;
alter table account force row level security;

-- The roles behind the functions below see across tenants, by policies that name them. No service can become them.
create policy site on account to wharf_site using (true) with check (true);
create policy site on org for select to wharf_site using (true);
create policy site on registry for select to wharf_site using (true);
create policy site on version for select to wharf_site using (true);
create policy site on outbox to wharf_site using (true);
create policy site on idempotency to wharf_site using (true);
create policy auth on org for select to wharf_auth using (true);
create policy auth on token for select to wharf_auth using (true);
create policy auth on member for select to wharf_auth using (true);
create policy auth on entitlement for select to wharf_auth using (true);
grant select on org, token, member, entitlement to wharf_auth;
grant select, insert, update on account to wharf_site;
grant select on org, registry, version to wharf_site;
grant select, delete on outbox, idempotency to wharf_site;
grant select, delete on replica to wharf_site;

-- What each service may do in the tenant it is working for.
grant select, insert on org, crate, version, index_line, audit_entry, outbox to wharf_api;
grant update (name) on org to wharf_api;
grant update (revision) on crate to wharf_api;
grant update (yanked) on version to wharf_api;
grant update (line) on index_line to wharf_api;
grant select, insert, update, delete on member, team, team_member, crate_owner, entitlement, token to wharf_api;
grant select, insert, update on registry to wharf_api;
grant select, insert on idempotency to wharf_api;
grant select on registry, crate, version, index_line to wharf_index, wharf_download;
grant update (last_used_on) on token to wharf_index, wharf_download;
grant select (org_id, token_id, last_used_on) on token to wharf_index, wharf_download;
grant select, insert, update, delete on replica to wharf_api, wharf_index, wharf_download;

-- The one look-up that precedes knowing the org: what a token stands for. One row or none.
create function auth_lookup(digests bytea[])
    returns table (
        org_id uuid, token_id uuid, kind text, scopes text[], token_sources text[], token_expires_at timestamptz,
        user_id uuid, role text,
        entitlement_id uuid, registry_id uuid, rights jsonb, rules jsonb, sources text[],
        not_before timestamptz, expires_at timestamptz, enabled boolean
    )
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select t.org_id, t.token_id, t.kind, t.scopes, t.sources, t.expires_at,
               t.user_id, m.role,
               e.entitlement_id, e.registry_id, e.rights, e.rules, e.sources,
               e.not_before, e.expires_at, e.enabled
        from token t
        left join member m on m.org_id = t.org_id and m.user_id = t.user_id
        left join entitlement e on e.org_id = t.org_id and e.entitlement_id = t.entitlement_id
        where t.digest = any (digests) and t.revoked_at is null
        limit 1
    $$;

-- Every registry of the site with what its address and its public face need.
create function registry_directory()
    returns table (org_id uuid, org_slug text, registry_id uuid, registry_slug text, visibility text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select r.org_id, o.slug, r.registry_id, r.slug, r.visibility
        from registry r join org o on o.org_id = r.org_id
    $$;

-- Changes of transactions not older than `low`. See store::feed for how a reader moves `low` without losing any.
create function feed_read(low xid8)
    returns table (change_id bigint, org_id uuid, kind text, registry_id uuid, subject_id uuid, name text, revision bigint)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select change_id, org_id, kind, registry_id, subject_id, name, revision
        from outbox where xid >= low order by xid, change_id
    $$;

-- The account of an e-mail address, made when there is none: the answer does not tell which was the case.
create function account_for_email(wanted text, fresh_id uuid, at timestamptz) returns uuid
    language sql security definer set search_path = public, pg_temp
    as $$
        insert into account (account_id, kind, email, created_at) values (fresh_id, 'person', lower(wanted), at)
        on conflict (email) do nothing;
        select account_id from account where email = lower(wanted);
    $$;

create function create_service_account(fresh_id uuid, at timestamptz) returns void
    language sql security definer set search_path = public, pg_temp
    as $$ insert into account (account_id, kind, created_at) values (fresh_id, 'service', at) $$;

create function account_may_create_orgs(wanted uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select coalesce((select may_create_orgs from account where account_id = wanted), false) $$;

-- E-mail addresses of the members of the current org.
create function member_emails() returns table (user_id uuid, email text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select a.account_id, a.email from account a
        where a.account_id in (select m.user_id from member m where m.org_id = current_org())
    $$;

-- Which of these crate files some version needs. For the collector of orphans.
create function known_checksums(wanted bytea[]) returns setof bytea
    language sql stable security definer set search_path = public, pg_temp
    as $$ select distinct cksum from version where cksum = any (wanted) $$;

-- Housekeeping, in bounded bites.
create function prune_outbox(before timestamptz) returns bigint
    language sql security definer set search_path = public, pg_temp
    as $$
        with gone as (
            delete from outbox where (org_id, change_id) in (
                select org_id, change_id from outbox where at < before limit 10000
            ) returning 1
        ) select count(*) from gone
    $$;

create function prune_idempotency(before timestamptz) returns bigint
    language sql security definer set search_path = public, pg_temp
    as $$ with gone as (delete from idempotency where at < before returning 1) select count(*) from gone $$;

create function prune_replicas(before timestamptz) returns bigint
    language sql security definer set search_path = public, pg_temp
    as $$ with gone as (delete from replica where seen_at < before returning 1) select count(*) from gone $$;

alter function auth_lookup(bytea[]) owner to wharf_auth;
alter function registry_directory() owner to wharf_site;
alter function feed_read(xid8) owner to wharf_site;
alter function account_for_email(text, uuid, timestamptz) owner to wharf_site;
alter function create_service_account(uuid, timestamptz) owner to wharf_site;
alter function account_may_create_orgs(uuid) owner to wharf_site;
alter function known_checksums(bytea[]) owner to wharf_site;
alter function prune_outbox(timestamptz) owner to wharf_site;
alter function prune_idempotency(timestamptz) owner to wharf_site;
alter function prune_replicas(timestamptz) owner to wharf_site;
alter function member_emails() owner to wharf_site;
grant select on member to wharf_site;

revoke execute on function
    auth_lookup(bytea[]), registry_directory(), feed_read(xid8), account_for_email(text, uuid, timestamptz),
    create_service_account(uuid, timestamptz), account_may_create_orgs(uuid), member_emails(), known_checksums(bytea[]),
    prune_outbox(timestamptz), prune_idempotency(timestamptz), prune_replicas(timestamptz)
    from public;
grant execute on function auth_lookup(bytea[]), registry_directory(), feed_read(xid8)
    to wharf_api, wharf_index, wharf_download;
grant execute on function
    account_for_email(text, uuid, timestamptz), create_service_account(uuid, timestamptz),
    account_may_create_orgs(uuid), member_emails()
    to wharf_api;
grant execute on function
    known_checksums(bytea[]), prune_outbox(timestamptz), prune_idempotency(timestamptz), prune_replicas(timestamptz)
    to wharf_worker;
revoke create on schema public from wharf_auth, wharf_site;
