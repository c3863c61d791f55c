-- The switches of a registry's git index, where every process that answers for it sees them; and the look-up behind a
-- download address that carries a credential of its own.

-- Callers name the columns they want, so programs of before go on working with the one that replaces it.
drop function registry_directory();
create function registry_directory()
    returns table (
        org_id uuid, org_slug text, registry_id uuid, registry_slug text, visibility text,
        git_personal_keys boolean, legacy_git_downloads boolean
    )
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select r.org_id, o.slug, r.registry_id, r.slug, r.visibility, r.git_personal_keys, r.legacy_git_downloads
        from registry r join org o on o.org_id = r.org_id
    $$;

-- What `auth_lookup` says of a token that its holder presented, for a token that was named, not presented. Only for
-- callers who have checked by themselves that the name was given out by us.
create function auth_lookup_named(of_org uuid, named uuid)
    returns table (
        org_id uuid, token_id uuid, kind text, scopes text[], token_sources text[], token_expires_at timestamptz,
        user_id uuid, role text,
        entitlement_id uuid, registry_id uuid, rights jsonb, rules jsonb, sources text[],
        not_before timestamptz, expires_at timestamptz, enabled boolean
    )
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select found.*
        from token t cross join lateral auth_lookup(array[t.digest]) found
        where t.org_id = of_org and t.token_id = named and found.org_id = of_org
    $$;

grant create on schema public to wharf_auth, wharf_site;
alter function registry_directory() owner to wharf_site;
alter function auth_lookup_named(uuid, uuid) owner to wharf_auth;
revoke create on schema public from wharf_auth, wharf_site;
revoke execute on function registry_directory(), auth_lookup_named(uuid, uuid) from public;
grant execute on function registry_directory() to wharf_api, wharf_index, wharf_download;
grant execute on function auth_lookup_named(uuid, uuid) to wharf_download;
