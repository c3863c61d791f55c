create table entitlement (
    org_id uuid not null,
    registry_id uuid not null,
    entitlement_id uuid not null,
    name text not null check (length(name) between 1 and 100),
    note text not null default '' check (length(note) <= 4000),
    metadata jsonb not null default '{}',
    -- the holder: a member, or someone outside known by a label
    holder_user_id uuid,
    holder_label text check (length(holder_label) <= 200),
    -- the terms as domain::entitlement::Terms writes them, and the digest of the view they give
    rights jsonb not null,
    rules jsonb not null,
    view_id bytea not null check (length(view_id) = 32),
    limits jsonb not null default '[]',
    sources text[] not null default '{}',
    not_before timestamptz,
    expires_at timestamptz,
    enabled boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, entitlement_id),
    foreign key (org_id, registry_id) references registry,
    foreign key (org_id, holder_user_id) references member on delete set null (holder_user_id),
    constraint entitlement_name_key unique (org_id, registry_id, name)
);
create index entitlement_page on entitlement (org_id, registry_id, created_at, entitlement_id);

create table token (
    org_id uuid not null references org,
    token_id uuid not null,
    kind text not null check (kind in ('personal', 'upload', 'download', 'entitlement', 'ci', 'service')),
    name text not null check (length(name) between 1 and 100),
    digest bytea not null check (length(digest) = 32),
    pepper_version smallint not null,
    hint text not null check (length(hint) = 4),
    user_id uuid,
    entitlement_id uuid,
    scopes text[] not null default '{}',
    sources text[] not null default '{}',
    created_by_user uuid,
    created_by_token uuid,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_on date,
    revoked_at timestamptz,
    revoked_by_token uuid,
    primary key (org_id, token_id),
    foreign key (org_id, user_id) references member on delete cascade,
    foreign key (org_id, entitlement_id) references entitlement on delete cascade,
    check ((kind = 'entitlement') = (entitlement_id is not null)),
    check ((entitlement_id is null) = (user_id is not null)),
    constraint token_digest_key unique (org_id, digest)
);
create index token_by_digest on token (digest);
create index token_by_entitlement on token (org_id, entitlement_id);
create index token_page on token (org_id, created_at, token_id);
