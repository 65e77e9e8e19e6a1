set local role mayfly_owner;

-- Live state of temporary accounts, and what makes a credential usable by its first holder only.
-- Kept narrow: the goal is 450 bytes an account with its share of the indexes.

create table mayfly.account (
  id            uuid primary key,
  tenant_id     uuid not null,
  agent_id      uuid not null,
  -- First 128 bits of SHA-256 over agent and task id: one account for each task of an agent, tombstones included.
  task_key      uuid not null unique,
  opened_at     timestamptz not null,
  deadline      timestamptz not null,
  ceiling_id    bigint not null,
  generation    integer not null default 1,
  -- a active, m completed, e expired, r revoked, c claimed, x closed
  state         "char" not null default 'a',
  -- SHA-256 over the foreign subject that opened the account: nobody else may use it.
  opener        bytea not null,
  claim_hash    bytea,
  -- Null: a root. Else where it descends from stands in `lineage`.
  root_id       uuid,
  -- What it counts for, of where it was opened from: a MAC. Null: nobody limits that.
  address_scope uuid,
  -- Of a claimed account: whether its agent may come back in.
  readmitted    boolean not null default false,
  -- SHA-256 of the Idempotency-Key of the opening: who repeats it gets the same account and a fresh claim secret.
  opening_key   bytea,
  task_id       text not null
) with (fillfactor = 90);
create index account_deadline on mayfly.account (deadline) where state = 'a';
create index account_of_tenant on mayfly.account (tenant_id, id);
-- What is over and waits to be collected.
create index account_ended on mayfly.account (id) where state in ('m', 'e', 'r', 'x');

-- Where a child account descends from. It is live only while each ancestor is, at the generation written here: whatever ends
-- or claims an account ends its subtree at that very commit.
create table mayfly.lineage (
  account_id    uuid primary key,
  tenant_id     uuid not null,
  root_id       uuid not null,
  parent_id     uuid not null,
  depth         smallint not null,
  max_depth     smallint not null,
  -- From the parent outwards to the root; `agents` are those that these accounts belong to.
  ancestors     uuid[] not null,
  generations   integer[] not null,
  agents        uuid[] not null,
  -- What was carved out of the parent's quotas.
  quota         jsonb,
  check (cardinality(ancestors) = depth and cardinality(generations) = depth and cardinality(agents) = depth)
);
create index lineage_root on mayfly.lineage (root_id);
create index lineage_parent on mayfly.lineage (parent_id);

-- What is left of an account that was collected: its task stays refused until the tombstone's retention ends.
create table mayfly.tombstone (
  task_key      uuid primary key,
  account_id    uuid not null,
  tenant_id     uuid not null,
  ended_at      timestamptz not null,
  state         "char" not null
);
create index tombstone_account on mayfly.tombstone (account_id);

-- Active accounts of a tenant, of an agent, of a parent account, of an address; written under the head of the log only.
create table mayfly.live_count (
  scope         uuid primary key,
  tenant_id     uuid not null,
  live          integer not null check (live >= 0)
) with (fillfactor = 50);

-- Who took over an account.
create table mayfly.claim (
  account_id    uuid primary key,
  tenant_id     uuid not null,
  person_id     uuid not null,
  claimed_at    timestamptz not null,
  review_on     date
);
create index claim_of_person on mayfly.claim (person_id);

-- What is still to be done outside because an account changed; written with the change, deleted when it is done.
create table mayfly.outbox (
  id            bigint generated always as identity primary key,
  tenant_id     uuid not null,
  account_id    uuid not null,
  transition    text not null,
  generation    integer not null,
  payload       jsonb,
  at            timestamptz not null,
  attempts      smallint not null default 0,
  due_at        timestamptz not null default clock_timestamp(),
  parked        boolean not null default false
);
create index outbox_due on mayfly.outbox (due_at, id) where not parked;

-- A subject token that proves no key belongs to the first key that used it, until it ends.
create table mayfly.subject_pin (
  token_hash    bytea primary key,
  key_thumbprint bytea not null,
  expires_at    timestamptz not null
);
create index subject_pin_expiry on mayfly.subject_pin (expires_at);

-- Nonces of `once` tokens that were used.
create table mayfly.consumed_nonce (
  resource_id   uuid not null,
  nonce_hash    bytea not null,
  expires_at    timestamptz not null,
  primary key (resource_id, nonce_hash)
);
create index consumed_nonce_expiry on mayfly.consumed_nonce (expires_at);

-- One key for each foreign subject; destroying it makes what the log says of that subject unreadable for ever.
create table mayfly.subject_key (
  id            uuid primary key,
  tenant_id     uuid not null,
  subject_hash  bytea not null,
  key_sealed    bytea not null,
  kek_id        text not null,
  created_at    timestamptz not null default clock_timestamp(),
  unique (tenant_id, subject_hash)
);

-- Whatever changes the state of an account goes through log.transition_accounts.
grant select, update (claim_hash) on mayfly.account to mayfly_app;
grant select, delete on mayfly.subject_pin to mayfly_app;
grant select, insert, delete on mayfly.consumed_nonce to mayfly_app;
grant select on mayfly.subject_key to mayfly_app;

grant select on mayfly.lineage, mayfly.live_count to mayfly_app;
grant select, delete on mayfly.tombstone to mayfly_app;
grant select, update on mayfly.claim to mayfly_app;
grant select, update, delete on mayfly.outbox to mayfly_app;

grant usage on schema mayfly to mayfly_log;
grant select on mayfly.tenant to mayfly_log;
grant select, insert on mayfly.subject_pin, mayfly.subject_key to mayfly_log;
grant select, insert, update, delete on mayfly.account, mayfly.lineage, mayfly.live_count to mayfly_log;
grant select, insert on mayfly.tombstone, mayfly.claim, mayfly.outbox to mayfly_log;
