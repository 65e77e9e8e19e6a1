-- What the worker looks for in all tenants at once: accounts whose time is up, those that are over, what is to be done outside.
-- Functions of a role that may look across tenants, so that the worker's own role need not. Whoever looks here only proposes:
-- what becomes of an account, `log.transition_accounts` judges.

set local role mayfly_owner;

-- Tombstones are dropped by the hour in which they were made: many to an hour, so the index takes next to nothing.
create index tombstone_hour on mayfly.tombstone (date_trunc('hour', ended_at at time zone 'UTC'));
-- For the few that are parked.
create index outbox_parked on mayfly.outbox (due_at) where parked;
-- To lock a row takes the right to change it.
grant select, update on mayfly.account to mayfly_across;
grant select on mayfly.lineage to mayfly_across;
grant select, update, delete on mayfly.outbox to mayfly_across;
grant select, delete on mayfly.tombstone to mayfly_across;

set local role mayfly_across;

-- Active accounts whose deadline has passed, the oldest first. Those that another worker has under way are left out.
-- p_from: deadline of the last one that was looked at; what was expired before it is not walked over again.
create function across.due_accounts(p_from timestamptz, p_limit integer)
  returns table (id uuid, tenant_id uuid, agent_id uuid, generation integer, deadline text, now_ms double precision, late_ms double precision)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  -- A variable, because the index cannot be searched for something that changes while it is searched.
  v_now timestamptz := clock_timestamp();
begin
  return query
    select a.id, a.tenant_id, a.agent_id, a.generation, a.deadline::text, extract(epoch from v_now)::float8 * 1000,
           extract(epoch from v_now - a.deadline)::float8 * 1000
      from mayfly.account a
     where a.state = 'a' and a.deadline >= p_from and a.deadline <= v_now
     order by a.deadline limit p_limit for update skip locked;
end $$;

-- Which of these accounts have children, whatever became of them.
create function across.parents_among(p_accounts uuid[]) returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select coalesce(array_agg(p.id), '{}') from unnest(p_accounts) p(id)
   where exists (select from mayfly.lineage l where l.parent_id = p.id);
$$;

-- Active accounts below an account, before their own deadline: those behind it the sweeper finds.
create function across.active_descendants(p_account uuid, p_limit integer)
  returns table (id uuid, tenant_id uuid, agent_id uuid, generation integer, now_ms double precision)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive below as (
      select l.account_id from mayfly.lineage l where l.parent_id = p_account
      union all
      select l.account_id from below b join mayfly.lineage l on l.parent_id = b.account_id
    )
    select a.id, a.tenant_id, a.agent_id, a.generation, extract(epoch from v_now)::float8 * 1000
      -- By their keys alone (`offset 0`), or the index of deadlines would be walked through.
      from below b, lateral (select o.* from mayfly.account o where o.id = b.account_id offset 0) a
     where a.state = 'a' and a.deadline > v_now
     limit p_limit;
end $$;

-- The outbox. Rows are lent for a time: a worker that does not come back has lost them to the next.
create function across.lease_outbox(p_limit integer, p_lease_seconds double precision)
  returns table (id bigint, tenant_id uuid, account_id uuid, transition text, generation integer, payload jsonb,
    at_ms double precision, attempts integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with due as (
      select o.id from mayfly.outbox o where not o.parked and o.due_at <= v_now
       order by o.due_at, o.id limit p_limit for update skip locked
    ), lent as (
      update mayfly.outbox o set due_at = v_now + make_interval(secs => p_lease_seconds), attempts = least(o.attempts + 1, 30000)
        from due where o.id = due.id
      returning o.*
    )
    select l.id, l.tenant_id, l.account_id, l.transition, l.generation, l.payload, extract(epoch from l.at)::float8 * 1000, l.attempts::integer
      from lent l order by l.id;
end $$;

create function across.finish_outbox(p_ids bigint[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  delete from mayfly.outbox o using unnest(p_ids) i(id) where o.id = i.id;
$$;

-- p_rows: [{id, seconds, parked}]: when each is due again, and whether somebody should look at it.
create function across.postpone_outbox(p_rows jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  update mayfly.outbox o set due_at = clock_timestamp() + make_interval(secs => r.seconds), parked = r.parked
    from jsonb_to_recordset(p_rows) r(id bigint, seconds double precision, parked boolean) where o.id = r.id;
$$;

-- What is parked gets another try when its time comes; nothing is dropped.
create function across.retry_parked_outbox() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  update mayfly.outbox set parked = false where parked and due_at <= clock_timestamp();
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Tombstones of hours that ended so long ago; returns how many went.
create function across.drop_tombstones(p_older_seconds double precision, p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_hour timestamp := date_trunc('hour', (clock_timestamp() - make_interval(secs => p_older_seconds)) at time zone 'UTC');
  v_count integer;
begin
  delete from mayfly.tombstone where task_key in (
    select t.task_key from mayfly.tombstone t
     where date_trunc('hour', t.ended_at at time zone 'UTC') < v_hour limit p_limit);
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- What an operator should see of all this.
create function across.reaper_backlog(out due bigint, out ended bigint, out outbox bigint, out parked bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  select count(*) into due from (select from mayfly.account a where a.state = 'a' and a.deadline <= v_now limit 100000) c;
  select count(*) into ended from (select from mayfly.account a where a.state in ('m', 'e', 'r', 'x') limit 100000) c;
  select count(*) into outbox from (select from mayfly.outbox o where not o.parked limit 100000) c;
  select count(*) into parked from mayfly.outbox o where o.parked;
end $$;

set local role mayfly_log;

-- Here and not there, because what is attached to an account is asked as `log.transition_accounts` asks it.
-- Of the next accounts that are over, by their ids, those that have nothing attached any more and no child that is still counted.
-- seen_to: the last that was looked at, null: that was all. So a look costs the same however many wait for something outside.
create function log.ended_accounts(p_after uuid, p_limit integer, out accounts jsonb, out seen_to uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_ids uuid[];
begin
  v_ids := array(
    select a.id from mayfly.account a where a.state in ('m', 'e', 'r', 'x') and a.id > p_after order by a.id limit p_limit);
  if cardinality(v_ids) = p_limit then seen_to := v_ids[p_limit]; end if;
  with free as (
    select a.id, a.tenant_id, a.agent_id, a.generation from mayfly.account a
     where a.id = any(v_ids) and a.state in ('m', 'e', 'r', 'x') and not log.is_attached(a.id)
       and not exists (select from mayfly.live_count c where c.scope = a.id and c.live > 0)
       for update skip locked
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'tenantId', f.tenant_id, 'agentId', f.agent_id, 'generation', f.generation,
      'nowMs', extract(epoch from clock_timestamp())::float8 * 1000)), '[]')
    into accounts from free f;
end $$;
revoke all on function log.ended_accounts from public;
grant execute on function log.ended_accounts to mayfly_app;
