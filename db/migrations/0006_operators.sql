set local role mayfly_owner;

-- People sign in through OpenID providers: a tenant's own, or the deployment's (tenant_id null), which give platform-admins.
create table mayfly.sign_in_provider (
  id            uuid primary key,
  tenant_id     uuid references mayfly.tenant,
  name          text not null,
  issuer        text not null,
  client_id     text not null,
  config        jsonb not null,
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  unique nulls not distinct (tenant_id, name)
);

-- Known by issuer and subject; name and address are there to be shown. A tenant's people are its own rows, so that what one
-- tenant's provider says of somebody is not seen by another tenant.
create table mayfly.person (
  id            uuid primary key,
  tenant_id     uuid references mayfly.tenant,
  issuer        text not null,
  subject       text not null,
  name          text,
  email         text,
  created_at    timestamptz not null default clock_timestamp(),
  seen_at       timestamptz not null default clock_timestamp(),
  unique nulls not distinct (tenant_id, issuer, subject)
);

alter table mayfly.credential
  drop constraint credential_kind_check,
  add constraint credential_kind_check check (kind in ('bootstrap', 'operator', 'resource', 'session')),
  -- Who answers for it: of a session the one who signed in, of a token the one who made it. Null: made by nobody who signed in.
  add column person_id uuid references mayfly.person,
  add column provider_id uuid references mayfly.sign_in_provider on delete cascade,
  -- The credential that made it, which may be gone.
  add column made_by uuid,
  -- To the hour.
  add column last_used_at timestamptz,
  add constraint credential_session check (kind <> 'session' or (role is not null and person_id is not null and provider_id is not null));
create index credential_person on mayfly.credential (person_id) where person_id is not null;
create index credential_provider on mayfly.credential (provider_id) where provider_id is not null;

-- Classes of changes that need two people in this tenant.
alter table mayfly.tenant add column two_person jsonb not null default '[]';

-- A change that waits for a second person, and what became of it. It ends by `expires_at`, whatever `status` says.
create table mayfly.change (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  class         text not null,
  -- `PUT /v1/agents/:id`, what stands in its path, and the body as it was sent.
  operation     text not null,
  params        jsonb not null,
  body          jsonb,
  -- What it is about, as shown, when it was proposed, and as it would be. Null: nothing there.
  before        jsonb,
  after         jsonb,
  status        text not null default 'waiting' check (status in ('waiting', 'approved', 'applied', 'rejected', 'withdrawn')),
  proposer_id   uuid not null,
  proposer_role text not null,
  proposer_tenant_id uuid,
  proposer_person_id uuid references mayfly.person,
  created_at    timestamptz not null default clock_timestamp(),
  expires_at    timestamptz not null default clock_timestamp() + interval '7 days',
  decider_id    uuid,
  decider_person_id uuid references mayfly.person,
  decided_at    timestamptz,
  break_glass_reason text
);
create index change_tenant on mayfly.change (tenant_id, id);
create index change_proposer on mayfly.change (proposer_id) where status in ('waiting', 'approved');

grant select, insert, update, delete on mayfly.sign_in_provider to mayfly_app;
grant select, insert, update on mayfly.person, mayfly.change to mayfly_app;
