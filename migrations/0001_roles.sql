-- Roles, one per service. They own nothing, bypass nothing and log in only with a password that `wharf migrate` sets.
-- wharf_auth and wharf_site never log in: they own the few functions that must look across tenants.
-- Roles belong to the whole cluster, so another database may have made them already.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['wharf_api', 'wharf_download', 'wharf_index', 'wharf_worker', 'wharf_auth', 'wharf_site'] loop
        begin
            execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole', wanted);
        exception when duplicate_object or unique_violation then null;
        end;
        -- so that the migrating role may hand over functions to wharf_auth and wharf_site
        begin
            execute format('grant %I to current_user', wanted);
        exception when others then
            if not (select rolsuper from pg_roles where rolname = current_user) then raise; end if;
        end;
    end loop;
end
$$;

revoke create on schema public from public;
grant usage on schema public to wharf_api, wharf_download, wharf_index, wharf_worker, wharf_auth, wharf_site;
grant create on schema public to wharf_auth, wharf_site;

-- The org of the running transaction, set by TenantTx; null outside of one, so that every policy denies.
create function current_org() returns uuid
    language sql stable parallel safe
    as $$ select nullif(current_setting('app.org_id', true), '')::uuid $$;
