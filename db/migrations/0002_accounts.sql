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
  -- SHA-256 of the Idempotency-Key of the opening: who repeats it gets the same account and a fresh claim secret.
  opening_key   bytea,
  task_id       text not null
) with (fillfactor = 90);
create index account_deadline on mayfly.account (deadline) where state = 'a';

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

grant select, update on mayfly.account to mayfly_app;
grant select, delete on mayfly.subject_pin to mayfly_app;
grant select, insert, delete on mayfly.consumed_nonce to mayfly_app;
grant select on mayfly.subject_key to mayfly_app;

grant usage on schema mayfly to mayfly_log;
grant select on mayfly.tenant to mayfly_log;
grant select, insert on mayfly.account, mayfly.subject_pin, mayfly.subject_key to mayfly_log;
