-- What the git index needs beside the sparse one: the changes of a registry's index in the order of their commits, so
-- that every process knows exactly at which state it is and what an older state was; and which states a reader was
-- offered, so that it can be sent the difference.

-- How many changes the index of a registry has seen. The row is locked from the last statement of a transaction that
-- changes index bytes until it has committed: numbers rise in the order of commits, and none is ever missing.
create table index_head (
    org_id uuid not null,
    registry_id uuid not null,
    seq bigint not null check (seq > 0),
    primary key (org_id, registry_id),
    foreign key (org_id, registry_id) references registry
) with (fillfactor = 50);

-- The changes themselves. Versions never change but for `yanked`, so undoing these, newest first, gives the index file
-- of a crate as it was at any earlier number, to the byte.
create table index_change (
    org_id uuid not null,
    registry_id uuid not null,
    seq bigint not null check (seq > 0),
    crate_id uuid not null,
    version_id uuid not null,
    kind text not null check (kind in ('published', 'yanked', 'unyanked')),
    at timestamptz not null,
    primary key (org_id, registry_id, seq),
    foreign key (org_id, registry_id) references index_head,
    foreign key (org_id, version_id) references version
);
create index index_change_age on index_change (at);

-- Definitions of views that readers were offered, by what `domain::View::id` makes of them.
create table git_view (
    org_id uuid not null,
    registry_id uuid not null,
    view_id bytea not null check (length(view_id) = 32),
    rules jsonb not null,
    last_seen timestamptz not null,
    primary key (org_id, registry_id, view_id),
    foreign key (org_id, registry_id) references registry
);
create index git_view_age on git_view (last_seen);

-- Commits that a reader was offered, and what they held: a view at a number of changes, with a config.json. The reader is
-- an entitlement, the token of a member, or, where everyone may read, the registry. Losing rows costs bytes, never
-- correctness.
create table git_seen (
    org_id uuid not null,
    registry_id uuid not null,
    reader_id uuid not null,
    commit_id bytea not null check (length(commit_id) = 20),
    seq bigint not null check (seq >= 0),
    view_id bytea not null,
    config_id bytea not null check (length(config_id) = 20),
    -- changes when the same rows are rendered to other bytes; states of another epoch are unknown
    epoch integer not null,
    last_seen timestamptz not null,
    primary key (org_id, registry_id, reader_id, commit_id),
    foreign key (org_id, registry_id, view_id) references git_view on delete cascade
);
create index git_seen_age on git_seen (last_seen);
create index git_seen_view on git_seen (org_id, registry_id, view_id);

do $$
declare
    guarded text;
begin
    foreach guarded in array array['index_head', 'index_change', 'git_view', 'git_seen'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy tenant on %I using (org_id = current_org()) with check (org_id = current_org())', guarded);
    end loop;
    foreach guarded in array array['index_change', 'git_view', 'git_seen'] loop
        execute format('create policy site on %I to wharf_site using (true) with check (true)', guarded);
        execute format('grant select, delete on %I to wharf_site', guarded);
    end loop;
end
$$;

grant select, insert, update (seq) on index_head to wharf_api;
grant insert on index_change to wharf_api;
grant select on index_head, index_change to wharf_index;
grant select, insert, update (last_seen) on git_view to wharf_index;
grant select, insert, update (seq, view_id, config_id, epoch, last_seen) on git_seen to wharf_index;

-- Housekeeping, in bounded bites. What a reader was offered goes first, so that what is left of it can be explained by
-- the changes that are left.
create function prune_git_seen(before timestamptz) returns bigint
    language sql security definer set search_path = public, pg_temp
    as $$
        with gone as (
            delete from git_seen where ctid = any (array(
                select ctid from git_seen where last_seen < before limit 10000
            )) and last_seen < before returning 1
        ), views as (
            delete from git_view where ctid = any (array(
                select ctid from git_view where last_seen < before limit 1000
            )) and last_seen < before
        ) select count(*) from gone
    $$;

create function prune_index_changes(before timestamptz) returns bigint
    language sql security definer set search_path = public, pg_temp
    as $$
        with gone as (
            delete from index_change where ctid = any (array(
                select ctid from index_change where at < before order by at limit 10000
            )) returning 1
        ) select count(*) from gone
    $$;

grant create on schema public to wharf_site;
alter function prune_git_seen(timestamptz) owner to wharf_site;
alter function prune_index_changes(timestamptz) owner to wharf_site;
revoke create on schema public from wharf_site;
revoke execute on function prune_git_seen(timestamptz), prune_index_changes(timestamptz) from public;
grant execute on function prune_git_seen(timestamptz), prune_index_changes(timestamptz) to wharf_worker;
