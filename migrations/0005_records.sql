-- Who did what. Written in the transaction of the act. The chain columns are filled when the audit is chained.
create table audit_entry (
    org_id uuid not null references org,
    entry_id uuid not null,
    at timestamptz not null,
    actor_token uuid,
    actor_user uuid,
    action text not null check (length(action) between 1 and 64),
    object jsonb not null,
    detail jsonb not null default '{}',
    request_id text not null check (length(request_id) <= 64),
    source text,
    xid xid8 not null default pg_current_xact_id(),
    seq bigint,
    leaf bytea,
    chain bytea,
    primary key (org_id, entry_id),
    constraint audit_entry_seq_key unique (org_id, seq)
);
create index audit_entry_page on audit_entry (org_id, at, entry_id);

-- What changed, for processes that hold it in memory. `xid` lets a reader tell which changes it may have missed:
-- sequence order is not commit order.
create table outbox (
    org_id uuid not null references org,
    change_id bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    kind text not null check (kind in ('crate', 'registry', 'token', 'entitlement', 'member', 'org')),
    registry_id uuid,
    subject_id uuid not null,
    name text,
    revision bigint,
    at timestamptz not null,
    primary key (org_id, change_id)
);
create index outbox_feed on outbox (xid, change_id);

-- Answers to requests that carried an Idempotency-Key, sealed under a key made from the caller's own token: an answer
-- may hold a secret, and nothing here may be readable without it.
create table idempotency (
    org_id uuid not null references org,
    token_id uuid not null,
    key_digest bytea not null check (length(key_digest) = 32),
    request_digest bytea not null check (length(request_digest) = 32),
    status smallint not null,
    sealed_body bytea not null,
    at timestamptz not null,
    primary key (org_id, token_id, key_digest)
);

-- Processes that serve from memory, and how far each has followed the outbox. Not a tenant's.
create table replica (
    replica_id uuid primary key,
    service text not null,
    applied pg_snapshot not null,
    seen_at timestamptz not null
);
