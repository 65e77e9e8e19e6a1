set local role mayfly_owner;

-- The built-in CA: one for each tenant, made when it is first needed. Its keys have the columns, states and steps of
-- mayfly.signing_key (0008); what is published of them are their certificates.
create table mayfly.ca_key (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  kid           text not null unique,
  alg           text not null,
  certificate_pem text not null,
  private_sealed bytea,
  kek_id        text,
  state         text not null default 'active' check (state in ('next', 'active', 'retiring', 'retired')),
  state_since   timestamptz not null default clock_timestamp(),
  created_at    timestamptz not null default clock_timestamp(),
  constraint ca_key_destroyed check ((private_sealed is null) = (state = 'retired') and (kek_id is null) = (state = 'retired'))
);
create unique index ca_key_one_active on mayfly.ca_key (tenant_id, alg) where state = 'active';
create unique index ca_key_one_next on mayfly.ca_key (tenant_id, alg) where state = 'next';
create index ca_key_due on mayfly.ca_key (state, state_since) where state <> 'retired';
create trigger ca_key_step before update on mayfly.ca_key for each row execute function mayfly.step_key_state();
create trigger ca_key_epoch after insert or delete on mayfly.ca_key
  for each row execute function mayfly.raise_config_epoch();
create trigger ca_key_change_epoch after update on mayfly.ca_key for each row
  when ((old.id, old.tenant_id, old.kid, old.alg, old.certificate_pem, old.state) is distinct from (new.id, new.tenant_id, new.kid, new.alg, new.certificate_pem, new.state))
  execute function mayfly.raise_config_epoch();

-- Its trust domain stands in the trust source's `issuer`, as that of a SPIFFE trust domain does. A SPIFFE ID means one workload in a
-- tenant, whoever says it; and no two tenants' CAs speak for the same trust domain.
alter table mayfly.trust_source add constraint trust_source_builtin_ca check (kind <> 'builtin_ca' or issuer is not null);
drop index mayfly.trust_source_trust_domain;
create unique index trust_source_trust_domain on mayfly.trust_source (tenant_id, issuer) where kind in ('spiffe', 'builtin_ca');
create unique index trust_source_own_domain on mayfly.trust_source (issuer) where kind = 'builtin_ca';

-- With one of these a workload becomes an instance of the agent, once.
create table mayfly.join_token (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  agent_id      uuid not null references mayfly.agent on delete cascade,
  note          text,
  secret_hash   bytea not null unique,
  created_at    timestamptz not null default clock_timestamp(),
  expires_at    timestamptz not null,
  used_at       timestamptz
);
create index join_token_agent on mayfly.join_token (agent_id, id);

-- Who has a certificate, and by what it came to it. Without its row an instance cannot renew: so it ends with the join token,
-- the trust source or the agent that it came by.
create table mayfly.enrolment (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  agent_id      uuid not null references mayfly.agent on delete cascade,
  -- Last segment of its SPIFFE ID.
  instance      text not null,
  join_token_id uuid unique references mayfly.join_token on delete cascade,
  trust_source_id uuid references mayfly.trust_source on delete cascade,
  created_at    timestamptz not null default clock_timestamp(),
  renewed_at    timestamptz not null default clock_timestamp(),
  -- End of the last certificate.
  not_after     timestamptz not null,
  unique (agent_id, instance),
  check ((join_token_id is null) <> (trust_source_id is null))
);
create index enrolment_trust_source on mayfly.enrolment (trust_source_id) where trust_source_id is not null;
create index enrolment_end on mayfly.enrolment (not_after);

grant select, insert, update on mayfly.ca_key to mayfly_app;
grant select, insert, update, delete on mayfly.join_token, mayfly.enrolment to mayfly_app;
