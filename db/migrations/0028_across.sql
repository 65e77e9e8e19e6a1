-- Functions that look across tenants (docs/decisions/0021-row-level-security.md). Each sees every row, so each answers one question
-- and no more. Those of the way of a token take the tenant beside each key and answer nothing of another tenant.

set local role mayfly_owner;
grant select on mayfly.tenant, mayfly.person, mayfly.sign_in_provider, mayfly.trust_source to mayfly_across;
grant select, delete on mayfly.credential, mayfly.replay, mayfly.idempotency, mayfly.enrolment, mayfly.join_token, mayfly.claim_code
  to mayfly_across;
grant insert on mayfly.replay to mayfly_across;
grant select, update (status) on mayfly.change to mayfly_across;
grant select, update (claim_hash) on mayfly.account to mayfly_across;
set local role mayfly_log;
grant usage on schema log to mayfly_across;
grant select on log.entry, log.body to mayfly_across;
grant insert (tenant_id, leaf, body) on log.pending to mayfly_across;

set local role mayfly_across;

-- Accounts of these tenants, by id and by task; ended ones too. `is not distinct from`, because no index serves it: a plan made while
-- the table is small might else look through all of a tenant's accounts for each.
create function across.read_accounts(p_tenants uuid[], p_ids uuid[], p_task_tenants uuid[], p_task_keys uuid[]) returns setof mayfly.account
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select a.* from unnest(p_tenants, p_ids) k(tenant, id) join mayfly.account a on a.id = k.id and a.tenant_id is not distinct from k.tenant;
  return query select a.* from unnest(p_task_tenants, p_task_keys) k(tenant, task_key)
    join mayfly.account a on a.task_key = k.task_key and a.tenant_id is not distinct from k.tenant;
end $$;

-- p_subjects: hex.
create function across.read_subject_keys(p_tenants uuid[], p_subjects text[])
  returns table (id uuid, tenant_id uuid, subject text, key_sealed bytea, kek_id text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query select k.id, k.tenant_id, n.subject, k.key_sealed, k.kek_id from unnest(p_tenants, p_subjects) n(tenant, subject)
    join mayfly.subject_key k on k.tenant_id = n.tenant and k.subject_hash = decode(n.subject, 'hex');
end $$;

-- Uses up each proof; answers those that nobody used before. Written in the order of the key.
create function across.consume_replays(p_tenants uuid[], p_kinds text[], p_hashes text[], p_expires double precision[])
  returns table (tenant_id uuid, kind text, hash text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query insert into mayfly.replay as r (tenant_id, kind, hash, expires_at)
    select u.tenant, u.kind, decode(u.hash, 'hex'), to_timestamp(u.expires)
      from unnest(p_tenants, p_kinds, p_hashes, p_expires) u(tenant, kind, hash, expires)
     order by u.tenant, u.kind, u.hash
        on conflict do nothing
    returning r.tenant_id, r.kind, encode(r.hash, 'hex');
end $$;

-- A fresh claim secret for a live account that has one, with its event; false: it is not live, not this tenant's, or its claim was refused.
create function across.replace_claim_hash(p_tenant uuid, p_account uuid, p_claim_hash bytea, p_leaf text, p_body text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update mayfly.account set claim_hash = p_claim_hash
   where id = p_account and tenant_id = p_tenant and state = 'a' and deadline > clock_timestamp() and claim_hash is not null;
  if not found then return false; end if;
  insert into log.pending (tenant_id, leaf, body) values (p_tenant, p_leaf, p_body);
  return true;
end $$;

-- Whose secrets these are: before that is known, so is no tenant. p_hashes: hex of SHA-256.
create function across.find_credentials(p_kinds text[], p_hashes text[])
  returns table (id uuid, kind text, tenant_id uuid, resource_id uuid, role text, name text, secret_hash bytea, created_at timestamptz,
    expires_at timestamptz, person_id uuid, provider_id uuid, made_by uuid, last_used_at timestamptz, use_is_noted boolean,
    person_tenant_id uuid, issuer text, subject text, person_name text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select c.id, c.kind, c.tenant_id, c.resource_id, c.role, c.name, c.secret_hash, c.created_at, c.expires_at, c.person_id,
      c.provider_id, c.made_by, c.last_used_at, coalesce(c.last_used_at >= date_trunc('hour', clock_timestamp()), false),
      p.tenant_id, p.issuer, p.subject, p.name
    from unnest(p_hashes) h(hash)
    join mayfly.credential c on c.secret_hash = decode(h.hash, 'hex') and c.kind = any(p_kinds) and c.used_at is null
     and c.expires_at > clock_timestamp()
    left join mayfly.person p on p.id = c.person_id;
end $$;

create function across.find_join_tokens(p_hashes text[])
  returns table (id uuid, tenant_id uuid, agent_id uuid, secret_hash bytea, state text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select j.id, j.tenant_id, j.agent_id, j.secret_hash,
      case when j.used_at is not null then 'used' when j.expires_at <= clock_timestamp() then 'expired' else 'fresh' end
    from unnest(p_hashes) h(hash) join mayfly.join_token j on j.secret_hash = decode(h.hash, 'hex');
end $$;

-- Operators' tokens of every tenant, for who may see all.
create function across.list_operators(p_after uuid, p_limit integer) returns setof mayfly.credential
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select c.* from mayfly.credential c where c.kind = 'operator' and (p_after is null or c.id > p_after) order by c.id limit p_limit;
end $$;

-- Null: of the deployment, or not there.
create function across.tenant_of_operator(p_credential uuid) returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select c.tenant_id from mayfly.credential c where c.id = p_credential and c.kind = 'operator');
end $$;

create function across.tenant_of_change(p_change uuid) returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select c.tenant_id from mayfly.change c where c.id = p_change);
end $$;

-- All there ever were; with a role, those of it that have not ended.
create function across.count_operators(p_live_role text) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select count(*) from mayfly.credential c
    where c.kind = 'operator' and (p_live_role is null or c.role = p_live_role and c.expires_at > clock_timestamp()));
end $$;

-- Ends the sessions and tokens of a person or of a provider, wherever they are: a person of the deployment makes tokens of tenants.
create function across.end_held(p_person uuid, p_provider uuid) returns table (id uuid, kind text, role text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query delete from mayfly.credential c
    where c.kind <> 'resource' and (c.person_id = p_person or c.provider_id = p_provider) returning c.id, c.kind, c.role;
end $$;

-- What these credentials have proposed, in whichever tenant.
create function across.withdraw_changes(p_credentials uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update mayfly.change set status = 'withdrawn' where proposer_id = any(p_credentials) and status in ('waiting', 'approved');
end $$;

-- How somebody is called who acted in a tenant, and may belong to the deployment.
create function across.find_person(p_id uuid) returns table (tenant_id uuid, issuer text, subject text, name text)
language plpgsql stable strict security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select p.tenant_id, p.issuer, p.subject, p.name from mayfly.person p where p.id = p_id;
end $$;

-- The tenants at these slugs' paths; an empty slug stands for the first one.
create function across.find_tenants(p_slugs text[]) returns table (id uuid, slug text, is_first boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select t.id, t.slug, t.is_first from unnest(p_slugs) s(slug) join mayfly.tenant t on t.slug = s.slug
    union select t.id, t.slug, t.is_first from mayfly.tenant t where t.is_first and '' = any(p_slugs);
end $$;

create function across.config_epochs(p_tenants uuid[]) returns table (id uuid, config_epoch bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select t.id, t.config_epoch from unnest(p_tenants) k(id) join mayfly.tenant t on t.id = k.id;
end $$;

-- Where strangers may sign in: these providers, or those of these tenants and the deployment's own behind them.
create function across.find_sign_in_providers(p_ids uuid[]) returns setof mayfly.sign_in_provider
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select p.* from unnest(p_ids) k(id) join mayfly.sign_in_provider p on p.id = k.id;
end $$;

create function across.list_sign_in_providers(p_tenants uuid[]) returns setof mayfly.sign_in_provider
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select p.* from mayfly.sign_in_provider p where p.tenant_id = any(p_tenants) or p.tenant_id is null order by p.id;
end $$;

-- Whether tokens of this issuer for this audience are taken for people's or for workloads', in any tenant.
create function across.audience_in_use(p_by text, p_issuer text, p_audience text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return case p_by
    when 'trust_source' then exists (
      select from mayfly.trust_source s where s.kind = 'openid' and s.issuer = p_issuer and s.audience = p_audience)
    when 'sign_in_provider' then exists (
      select from mayfly.sign_in_provider p where p.issuer = p_issuer
         and p_audience in (coalesce(p.config->>'audience', p.client_id), p.config->>'console_client_id'))
  end;
end $$;

-- Collects a batch of what nobody can present any more; answers how many. It stays a while where it may still be asked about.
create function across.delete_expired(p_what text, p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  case p_what
    when 'replay' then delete from mayfly.replay where (tenant_id, kind, hash) in (
      select tenant_id, kind, hash from mayfly.replay where expires_at < now() - interval '1 minute' order by expires_at limit p_limit);
    when 'idempotency' then delete from mayfly.idempotency where (credential_id, key_hash) in (
      select credential_id, key_hash from mayfly.idempotency where expires_at < now() limit p_limit);
    when 'credential' then delete from mayfly.credential where id in (
      select id from mayfly.credential where expires_at < now() - interval '30 days' limit p_limit);
    when 'enrolment' then delete from mayfly.enrolment where id in (
      select id from mayfly.enrolment where not_after < now() - interval '30 days' limit p_limit);
    when 'claim_code' then delete from mayfly.claim_code where account_id in (
      select account_id from mayfly.claim_code where secret_until < now() - interval '1 day' limit p_limit);
    -- One that was used stays as long as who came by it: with it the right to renew would go.
    when 'join_token' then delete from mayfly.join_token where id in (
      select j.id from mayfly.join_token j where j.expires_at < now() - interval '30 days'
         and not exists (select from mayfly.enrolment e where e.join_token_id = j.id) limit p_limit);
  end case;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- The log from a position on, of all tenants, in order.
create function across.read_log(p_from bigint, p_limit bigint) returns table ("position" bigint, leaf text, body text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select e.position, e.leaf, b.body from log.entry e left join log.body b on b.position = e.position
    where e.position >= p_from order by e.position limit p_limit;
end $$;
