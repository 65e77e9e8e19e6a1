-- What is revoked for good is one thing; who gets no new tokens until somebody says so is another (docs/how-to/revoke.md).

set local role mayfly_owner;

-- Null: not suspended. The triggers of 0001 raise the tenant's config epoch with it, so no token is committed under the earlier state.
alter table mayfly.agent add column suspended_at timestamptz;
alter table mayfly.trust_source add column suspended_at timestamptz;

-- Accounts that a revocation ends, in batches. Their tokens died with the revocation itself; this ends the accounts. The row is the
-- truth: whoever was ending them may die, and somebody else goes on behind the last batch.
create table mayfly.sweep (
  -- That of the revocation.
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  -- Null: of every agent. They may be gone by now.
  agents        uuid[],
  -- Who ordered it, in random ids (`actorFacts`).
  facts         jsonb not null,
  resume_after  uuid not null default '00000000-0000-0000-0000-000000000000',
  ended         bigint not null default 0,
  touched_at    timestamptz not null default clock_timestamp(),
  finished_at   timestamptz
);
create index sweep_open on mayfly.sweep (touched_at) where finished_at is null;
select mayfly.keep_tenants_apart('mayfly.sweep');
grant select, insert, update on mayfly.sweep to mayfly_app;
grant select, delete on mayfly.sweep to mayfly_across;
-- Why somebody revokes is sealed under a key of theirs.
grant insert on mayfly.subject_key to mayfly_app;

-- Were the token a delegation, somebody may be opening a child account with it at this moment. Whose such a token is, the commit judges
-- (`log.judge_pins`), and finds that it is nobody's. Rows of the feed are written with the log's head held, as pins are: no deadlock.
-- The name under which a delegation is pinned: `core/issuer-token/issuer-token.ts`.
create function mayfly.pin_revoked() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into mayfly.subject_pin (token_hash, key_thumbprint, expires_at)
    values (sha256(convert_to('delegation ' || new.tenant_id || ' ' || new.subject, 'UTF8')), '\x00', new.until) on conflict (token_hash) do nothing;
  return null;
end $$;
revoke all on function mayfly.pin_revoked from public;
create trigger revocation_pins after insert on mayfly.revocation for each row when (new.kind = 'j') execute function mayfly.pin_revoked();

set local role mayfly_across;

-- Whether the feed has revoked this very token, by its jti.
create function across.token_revoked(p_tenant uuid, p_token text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return exists (select from mayfly.revocation r where r.tenant_id = p_tenant and r.kind = 'j' and r.match = log.match_of(p_token));
end $$;

-- Sweeps that nobody has touched for so long.
create function across.idle_sweeps(p_idle_seconds double precision, p_limit integer)
  returns table (id uuid, tenant_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select s.id, s.tenant_id from mayfly.sweep s
    where s.finished_at is null and s.touched_at <= clock_timestamp() - make_interval(secs => p_idle_seconds)
    order by s.touched_at limit p_limit;
end $$;

create function across.drop_sweeps(p_older_seconds double precision) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  delete from mayfly.sweep s where s.finished_at < clock_timestamp() - make_interval(secs => p_older_seconds);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
