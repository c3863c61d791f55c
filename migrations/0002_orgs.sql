-- People and service accounts. An account is not a tenant's: one person may be a member of several orgs. Services reach
-- it only through the functions at the end of 0006.
create table account (
    account_id uuid primary key,
    kind text not null check (kind in ('person', 'service')),
    email text unique check (email = lower(email) and length(email) between 3 and 254),
    password_hash text,
    may_create_orgs boolean not null default false,
    created_at timestamptz not null,
    check ((kind = 'person') = (email is not null))
);

create table org (
    org_id uuid primary key,
    slug text not null constraint org_slug_key unique check (slug ~ '^[a-z0-9-]{2,40}$'),
    name text not null check (length(name) between 1 and 100),
    created_at timestamptz not null
);

create table member (
    org_id uuid not null references org,
    user_id uuid not null references account (account_id),
    login text not null check (login ~ '^[a-z0-9-]{2,40}$'),
    name text check (length(name) <= 100),
    kind text not null check (kind in ('person', 'service')),
    role text not null check (role in ('owner', 'admin', 'publisher', 'reader', 'auditor')),
    -- what cargo wants as the id of an owner: a number below 2^32, drawn at random, unique within the org
    owner_number bigint not null check (owner_number between 1 and 4294967295),
    created_at timestamptz not null,
    primary key (org_id, user_id),
    constraint member_login_key unique (org_id, login),
    constraint member_owner_number_key unique (org_id, owner_number)
);

create table team (
    org_id uuid not null references org,
    team_id uuid not null,
    slug text not null check (slug ~ '^[a-z0-9-]{2,40}$'),
    name text not null check (length(name) between 1 and 100),
    owner_number bigint not null check (owner_number between 1 and 4294967295),
    created_at timestamptz not null,
    primary key (org_id, team_id),
    constraint team_slug_key unique (org_id, slug),
    constraint team_owner_number_key unique (org_id, owner_number)
);

create table team_member (
    org_id uuid not null,
    team_id uuid not null,
    user_id uuid not null,
    primary key (org_id, team_id, user_id),
    foreign key (org_id, team_id) references team on delete cascade,
    foreign key (org_id, user_id) references member on delete cascade
);
create index team_member_user on team_member (org_id, user_id);

create table registry (
    org_id uuid not null references org,
    registry_id uuid not null,
    slug text not null check (slug ~ '^[a-z0-9-]{2,40}$'),
    visibility text not null check (visibility in ('private', 'public')),
    -- whether crates may depend on crates.io, and on which other registries, by index address
    crates_io_allowed boolean not null default true,
    allowed_registries text[] not null default '{}',
    git_personal_keys boolean not null default false,
    legacy_git_downloads boolean not null default false,
    max_crate_bytes bigint not null default 10485760 check (max_crate_bytes between 1024 and 104857600),
    created_at timestamptz not null,
    primary key (org_id, registry_id),
    constraint registry_slug_key unique (org_id, slug)
);
