set local role mayfly_owner;

-- What operators register: tenants, who vouches for workloads, agents, resources, keys, credentials.
-- Every table of this schema belongs to mayfly_owner, which cannot log in.

create table mayfly.tenant (
  id            uuid primary key,
  slug          text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name          text not null,
  is_first      boolean not null default false,
  config_epoch  bigint not null default 1,
  created_at    timestamptz not null default clock_timestamp()
);
-- The first tenant's issuer is the base URL itself, so there can be one only.
create unique index tenant_one_first on mayfly.tenant (is_first) where is_first;

create table mayfly.signing_key (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  kid           text not null unique,
  alg           text not null,
  public_jwk    jsonb not null,
  -- AES-256-GCM under the key-encryption key `kek_id`; associated data names tenant, purpose and this row's id.
  private_sealed bytea not null,
  kek_id        text not null,
  state         text not null default 'active' check (state in ('active', 'retiring', 'retired')),
  created_at    timestamptz not null default clock_timestamp()
);
create unique index signing_key_one_active on mayfly.signing_key (tenant_id, alg) where state = 'active';

create table mayfly.trust_source (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  name          text not null,
  kind          text not null check (kind in ('openid', 'x509_ca')),
  issuer        text,
  audience      text,
  config        jsonb not null,
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  unique (tenant_id, name),
  check (kind <> 'openid' or (issuer is not null and audience is not null))
);
-- An audience is dedicated to one trust source in the whole deployment, so that no token can come in at two tenants.
create unique index trust_source_issuer_audience on mayfly.trust_source (issuer, audience) where kind = 'openid';

-- Permissions that accounts and agents are bounded by, stored once by content.
create table mayfly.ceiling (
  id            bigint generated always as identity primary key,
  hash          bytea not null unique,
  permission    text not null
);

create table mayfly.agent (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  name          text not null,
  owner         text not null,
  review_on     date not null,
  rules         jsonb not null,
  ceiling_id    bigint not null references mayfly.ceiling,
  settings      jsonb not null,
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  unique (tenant_id, name)
);

create table mayfly.resource (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  uri           text not null unique,
  name          text not null,
  config        jsonb not null,
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp()
);

-- Secrets that we gave out, as SHA-256 only.
create table mayfly.credential (
  id            uuid primary key,
  kind          text not null check (kind in ('bootstrap', 'operator', 'resource')),
  tenant_id     uuid references mayfly.tenant,
  resource_id   uuid references mayfly.resource on delete cascade,
  role          text,
  name          text not null,
  secret_hash   bytea not null unique,
  created_at    timestamptz not null default clock_timestamp(),
  expires_at    timestamptz not null,
  used_at       timestamptz,
  check (kind <> 'resource' or resource_id is not null),
  check (kind <> 'operator' or role is not null)
);

create table mayfly.idempotency (
  credential_id uuid not null,
  key_hash      bytea not null,
  fingerprint   bytea not null,
  status        integer,
  response      jsonb,
  expires_at    timestamptz not null,
  primary key (credential_id, key_hash)
);

-- A change that forgets to raise the config epoch cannot be written: the database raises it.
create function mayfly.raise_config_epoch() returns trigger language plpgsql as $$
declare
  v_tenant uuid := case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
begin
  update mayfly.tenant set config_epoch = config_epoch + 1 where id = v_tenant;
  perform pg_notify('mayfly_config', v_tenant::text);
  return null;
end $$;

create trigger trust_source_epoch after insert or update or delete on mayfly.trust_source
  for each row execute function mayfly.raise_config_epoch();
create trigger agent_epoch after insert or update or delete on mayfly.agent
  for each row execute function mayfly.raise_config_epoch();
create trigger resource_epoch after insert or update or delete on mayfly.resource
  for each row execute function mayfly.raise_config_epoch();
create trigger signing_key_epoch after insert or update or delete on mayfly.signing_key
  for each row execute function mayfly.raise_config_epoch();

grant select, insert, update on mayfly.tenant, mayfly.signing_key to mayfly_app;
grant select, insert, update, delete on mayfly.trust_source, mayfly.agent, mayfly.resource, mayfly.credential, mayfly.idempotency to mayfly_app;
grant select, insert on mayfly.ceiling to mayfly_app;
