-- Fills the registry `acme/private` with crates as the publish transaction would have left them, in bulk, and makes
-- `loadtest.publish` for more. Names, versions and dependencies are the same in every run. Every foreign key is checked;
-- the numbered changes stand where they would after the old ones were pruned.
--
--   psql -v crates=150000 -f seed.sql

\set ON_ERROR_STOP on
set synchronous_commit = off;
set work_mem = '256MB';
create schema loadtest;

create function loadtest.hash(salt text, below int) returns int language sql immutable parallel safe
    as $$ select ('x' || substr(md5(salt), 1, 7))::bit(28)::int % below $$;

-- The smallest of three draws: some beginnings of names are much more common than others.
create function loadtest.letter(letters text, salt text) returns text language sql immutable parallel safe
    as $$
        select substr(letters, 1 + least(
            loadtest.hash(salt || 'a', length(letters)), loadtest.hash(salt || 'b', length(letters)),
            loadtest.hash(salt || 'c', length(letters))), 1)
    $$;

create table loadtest.registry as
    select org_id, registry_id from registry join org using (org_id)
    where org.slug = 'acme' and registry.slug = 'private';

create table loadtest.krate as
    select number,
        md5('crate ' || number)::uuid as crate_id,
        loadtest.letter('strmpcdlbgfhnvkwxyzq', number || '/1') || loadtest.letter('aeiorluyhstn', number || '/2')
            || loadtest.letter('strmpcdlbgfhnvkwxyzq', number || '/3') || loadtest.letter('aeiorluyhstn', number || '/4')
            || to_hex(number::bigint * 7919 % 1000003) as name,
        1 + loadtest.hash('versions ' || number, 9) as versions,
        ''::text as deps
    from generate_series(1, :crates) number;
alter table loadtest.krate add primary key (number);

-- Up to five dependencies, the same for every version of a crate.
update loadtest.krate set deps = found.deps
from (
    select k.number, string_agg(
        '{"name":"' || dep.name || '","req":"^0.' || loadtest.hash(k.number || '?' || n, 9)
        || '","features":[],"optional":false,"default_features":true,"target":null,"kind":"normal"}', ',' order by n) as deps
    from loadtest.krate k
    cross join lateral generate_series(1, loadtest.hash('deps ' || k.number, 6)) n
    join loadtest.krate dep on dep.number = 1 + loadtest.hash(k.number || '#' || n, :crates)
    group by k.number
) found
where found.number = krate.number;
analyze loadtest.krate;

-- A version: its row and its index line, as `wharf_cargo_wire` renders lines.
create function loadtest.render(krate loadtest.krate, version int, published_at timestamptz)
    returns table (version_id uuid, number text, cksum bytea, line text) language sql stable parallel safe
    as $$
        select md5(krate.number || ' ' || version)::uuid, '0.' || version || '.0', digest,
            '{"name":"' || krate.name || '","vers":"0.' || version || '.0","deps":[' || krate.deps || '],"cksum":"'
            || encode(digest, 'hex') || '","features":{"default":["std"],"std":[]},"rust_version":"1.'
            || 60 + version % 30 || '","pubtime":"' || to_char(published_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            || '","yanked":false}'
        from (select sha256((krate.number || ' ' || version)::bytea) as digest) made
    $$;

insert into crate (org_id, registry_id, crate_id, name, canonical, revision, created_at)
    select org_id, registry_id, crate_id, name, lower(replace(name, '_', '-')), versions, '2023-01-01 00:00:00z'
    from loadtest.krate, loadtest.registry;

create table loadtest.version as
    select k.crate_id, made.*, at as published_at
    from loadtest.krate k
    cross join lateral generate_series(1, k.versions) version
    cross join lateral (select '2023-01-01 00:00:00z'::timestamptz + version * interval '30 days' + k.number * interval '1 s') t(at)
    cross join lateral loadtest.render(k, version, at) made;
insert into version
    (org_id, crate_id, version_id, number, identity, cksum, size_bytes, metadata, published_at, published_by_token)
    select org_id, crate_id, version_id, number, number, cksum, 4096, '{}', published_at, md5('token')::uuid
    from loadtest.version, loadtest.registry;
insert into index_line (org_id, version_id, line)
    select org_id, version_id, line from loadtest.version, loadtest.registry;
insert into index_head (org_id, registry_id, seq)
    select org_id, registry_id, (select count(*) from loadtest.version) from loadtest.registry;

-- One more version of a crate, in the order of the publish transaction.
create function loadtest.publish(wanted int) returns void language plpgsql
    as $$
        declare
            here loadtest.registry;
            krate loadtest.krate;
            made record;
            next_revision bigint;
            next_seq bigint;
        begin
            select * into strict here from loadtest.registry;
            update loadtest.krate set versions = versions + 1 where number = wanted returning * into strict krate;
            select * into strict made from loadtest.render(krate, krate.versions, now());
            insert into version
                (org_id, crate_id, version_id, number, identity, cksum, size_bytes, metadata, published_at, published_by_token)
                values (here.org_id, krate.crate_id, made.version_id, made.number, made.number, made.cksum, 4096, '{}', now(),
                    md5('token')::uuid);
            insert into index_line (org_id, version_id, line) values (here.org_id, made.version_id, made.line);
            update crate set revision = revision + 1 where org_id = here.org_id and crate_id = krate.crate_id
                returning revision into strict next_revision;
            insert into outbox (org_id, kind, registry_id, subject_id, name, revision, at)
                values (here.org_id, 'crate', here.registry_id, krate.crate_id, krate.name, next_revision, now());
            update index_head set seq = seq + 1 where org_id = here.org_id and registry_id = here.registry_id
                returning seq into strict next_seq;
            insert into index_change (org_id, registry_id, seq, crate_id, version_id, kind, at)
                values (here.org_id, here.registry_id, next_seq, krate.crate_id, made.version_id, 'published', now());
        end
    $$;

analyze;
select format('%s crates in %s directories, %s versions, %s MB of index files, %s bytes a crate on average',
    (select count(*) from loadtest.krate), (select count(distinct substr(name, 1, 4)) from loadtest.krate),
    count(*), sum(length(line) + 1) >> 20, (sum(length(line) + 1) / (select count(*) from loadtest.krate))::bigint)
from loadtest.version;
drop table loadtest.version;
