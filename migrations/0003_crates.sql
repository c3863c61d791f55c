create table crate (
    org_id uuid not null,
    registry_id uuid not null,
    crate_id uuid not null,
    name text not null check (name ~ '^[A-Za-z][A-Za-z0-9_-]{0,63}$'),
    canonical text not null check (canonical = lower(replace(name, '_', '-'))),
    -- counts the changes to the crate's index file; whoever holds an older one knows that it is stale
    revision bigint not null default 0,
    created_at timestamptz not null,
    primary key (org_id, crate_id),
    foreign key (org_id, registry_id) references registry,
    constraint crate_canonical_key unique (org_id, registry_id, canonical)
);
create index crate_prefix on crate (org_id, registry_id, canonical text_pattern_ops);

create table version (
    org_id uuid not null,
    crate_id uuid not null,
    version_id uuid not null,
    number text not null check (length(number) <= 150),
    -- the number without build metadata: what makes a version unique in its crate
    identity text not null check (position('+' in identity) = 0),
    cksum bytea not null check (length(cksum) = 32),
    size_bytes bigint not null check (size_bytes > 0),
    yanked boolean not null default false,
    description text,
    -- what the manifest says beyond the index line: authors, licence, links to pages, keywords, categories, readme
    metadata jsonb not null,
    published_at timestamptz not null,
    published_by_token uuid not null,
    published_by_user uuid,
    primary key (org_id, version_id),
    foreign key (org_id, crate_id) references crate,
    constraint version_identity_key unique (org_id, crate_id, identity)
);
create index version_cksum on version (cksum);

-- One line per version, rendered at publish and never again but for `yanked`.
create table index_line (
    org_id uuid not null,
    version_id uuid not null,
    line text not null check (position(E'\n' in line) = 0),
    primary key (org_id, version_id),
    foreign key (org_id, version_id) references version
);

create table crate_owner (
    org_id uuid not null,
    crate_id uuid not null,
    user_id uuid,
    team_id uuid,
    added_at timestamptz not null,
    check ((user_id is null) <> (team_id is null)),
    foreign key (org_id, crate_id) references crate,
    foreign key (org_id, user_id) references member on delete cascade,
    foreign key (org_id, team_id) references team on delete cascade,
    constraint crate_owner_key unique nulls not distinct (org_id, crate_id, user_id, team_id)
);
