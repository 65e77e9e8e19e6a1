set local role mayfly_owner;

-- People in a browser, and what they claim.

-- A browser's session is a credential of a kind of its own: it never opens `/v1`, and needs no role.
alter table mayfly.credential
  drop constraint credential_kind_check,
  add constraint credential_kind_check check (kind in ('bootstrap', 'operator', 'resource', 'session', 'console')),
  add constraint credential_console check (kind <> 'console' or (tenant_id is not null and person_id is not null and provider_id is not null));

-- The groups that the provider named at the sign-in: who may claim is judged by them until the session ends.
create table mayfly.console_session (
  credential_id uuid primary key references mayfly.credential on delete cascade,
  tenant_id     uuid not null references mayfly.tenant,
  groups        jsonb not null
);

-- For providers that take browsers' clients with a secret only. `id` is the provider's.
create table mayfly.sign_in_client_secret (
  id            uuid primary key references mayfly.sign_in_provider on delete cascade,
  tenant_id     uuid not null references mayfly.tenant,
  secret_sealed bytea not null,
  kek_id        text not null,
  created_at    timestamptz not null default clock_timestamp()
);

-- Somebody who left: accounts that it owns are suspended. Whoever signs in again is back.
alter table mayfly.person add column left_at timestamptz;
create index person_left on mayfly.person (id) where left_at is not null;
create index claim_review on mayfly.claim (review_on);

-- The code that an agent shows to whoever claims its account. It never travels with the link; here stands its MAC only.
-- Once the account is claimed the row says which secret it was claimed with, so that whoever holds that can be told.
create table mayfly.claim_code (
  account_id    uuid primary key,
  tenant_id     uuid not null,
  secret_hash   bytea not null,
  -- The deadline that the account had: what the secret can still tell ends with it.
  secret_until  timestamptz not null,
  -- Null: used.
  code_mac      bytea,
  attempts_left smallint not null,
  expires_at    timestamptz not null
);
create index claim_code_until on mayfly.claim_code (secret_until);

grant select, insert, delete on mayfly.console_session to mayfly_app;
grant select, insert, update, delete on mayfly.sign_in_client_secret, mayfly.claim_code to mayfly_app;

-- The event that tells of an account's opening, found without an index: positions and times grow together, so the place is
-- halved until it is small. `opened_at` is the very time of that commit. Of the tenant that the transaction is for.
grant select on mayfly.person to mayfly_log;
set local role mayfly_log;
create function log.find_opening(p_account uuid, p_opened_at timestamptz) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_low bigint := 0;
  v_high bigint := (select h.size from log.head h where h.id = 1);
  v_middle bigint;
  v_at timestamptz;
  v_body text;
begin
  while v_high - v_low > 256 loop
    v_middle := (v_low + v_high) / 2;
    select b.at into v_at from log.body b where b.position between v_middle and v_middle + 64 order by b.position limit 1;
    -- Bodies whose retention has ended are older than any account that lives.
    if v_at is null or v_at < p_opened_at then v_low := v_middle; else v_high := v_middle; end if;
  end loop;
  select b.body into v_body
    from log.entry e join log.body b on b.position = e.position
   where e.position between v_low and v_high + 1280 and b.position between v_low and v_high + 1280
     and e.leaf::jsonb ->> 'type' = 'account.opened' and e.leaf::jsonb ->> 'account' = p_account::text
     and e.leaf::jsonb ->> 'tenant' = current_setting('mayfly.tenant', true)
   limit 1;
  return v_body;
end $$;

-- A predicate at every use, like a deadline: with no worker there to suspend it, an agent that nobody looks after gets nothing.
create or replace function log.is_attended(p_account uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select not exists (
    select from mayfly.claim c left join mayfly.person p on p.id = c.person_id
     where c.account_id = p_account and (p.left_at is not null or c.review_on < (clock_timestamp() at time zone 'UTC')::date));
$$;
grant execute on function log.is_attended to mayfly_app;

-- Claimed accounts of all tenants whose agent is in and that nobody looks after: the owner left, or the review date is past.
create function log.unattended_claims(p_limit integer)
  returns table (id uuid, tenant_id uuid, agent_id uuid, generation integer, reason text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.tenant_id, a.agent_id, a.generation, case when p.left_at is not null then 'owner_left' else 'review_overdue' end
    from mayfly.claim c
    join mayfly.account a on a.id = c.account_id and a.state = 'c' and a.readmitted
    left join mayfly.person p on p.id = c.person_id
   where p.left_at is not null or c.review_on < (clock_timestamp() at time zone 'UTC')::date
   order by a.id limit p_limit;
$$;
revoke all on function log.find_opening, log.unattended_claims from public;
grant execute on function log.find_opening, log.unattended_claims to mayfly_app;
