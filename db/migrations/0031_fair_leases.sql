-- What talks to others is lent tenant by tenant: those with the least under way come first, and none has more than its part at once,
-- so a tenant whose servers hang holds up itself alone. And a deadline that has moved is told outside in the same way, not by
-- who works off the outbox, in which every tenant's ends and claims stand.

set local role mayfly_owner;

-- When the account's new deadline is to be told outside; null: it was.
alter table mayfly.attachment add column extend_due timestamptz;
create index attachment_extend on mayfly.attachment (tenant_id, extend_due) where extend_due is not null;
drop index mayfly.attachment_due;
create index attachment_due on mayfly.attachment (tenant_id, due_at) where state in ('making', 'renewing', 'locking', 'ending', 'kept');

set local role mayfly_across;

drop function across.lease_attachments(integer, double precision);

-- Attachments that somebody must see to, lent for a time. Of one account the last made comes first: an earlier one waits until
-- every later one is gone, kept or parked. Nobody waits to lose access: that is `locking`, and is done for all at once.
-- What was being made or renewed when its lease ended is to be taken down, or locked: nobody knows how far it came.
-- p_busy: a tenant as often as it has something under way; p_each: how much that may be.
create function across.lease_attachments(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (id uuid, tenant_id uuid, account_id uuid, agent_id uuid, connector_id uuid, state text, generation integer,
    rotation integer, attempts integer, ended_by text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive waiting(tenant) as (
      (select a.tenant_id from mayfly.attachment a
        where a.state in ('making', 'renewing', 'locking', 'ending', 'kept') order by a.tenant_id limit 1)
      union all
      select n.tenant_id from waiting w, lateral (select a.tenant_id from mayfly.attachment a
        where a.state in ('making', 'renewing', 'locking', 'ending', 'kept') and a.tenant_id > w.tenant order by a.tenant_id limit 1) n
    ), due as (
      select d.id, u.busy + row_number() over (partition by w.tenant order by d.due_at) as nth, d.due_at
        from waiting w,
          lateral (select count(*) as busy from unnest(p_busy) b(tenant) where b.tenant = w.tenant) u,
          lateral (
            select a.id, a.due_at from mayfly.attachment a
             where a.tenant_id = w.tenant and a.state in ('making', 'renewing', 'locking', 'ending', 'kept') and a.due_at <= v_now
               and (a.state <> 'ending' or not exists (
                 select from mayfly.attachment l where l.account_id = a.account_id and l.ordinal > a.ordinal
                    and l.state in ('making', 'renewing', 'locking', 'ending') and not l.parked))
             order by a.due_at limit greatest(p_each - u.busy, 0) for update skip locked) d
    ), lent as (
      update mayfly.attachment a set
          due_at = v_now + make_interval(secs => p_lease_seconds),
          attempts = least(a.attempts + 1, 30000),
          state = case when a.state = 'making' or a.state = 'renewing' and a.ended_by is not null then 'ending'
            when a.state = 'renewing' then 'locking' else a.state end,
          ended_by = case a.state when 'making' then coalesce(a.ended_by, 'abandoned') else a.ended_by end
        from (select f.id from due f order by f.nth, f.due_at limit p_limit) first where a.id = first.id
      returning a.*
    )
    select l.id, l.tenant_id, l.account_id, l.agent_id, l.connector_id, l.state, l.generation, l.rotation, l.attempts::integer, l.ended_by
      from lent l order by l.ordinal desc;
end $$;

-- Attachments whose new deadline is to be told outside, lent in the same way. due: stands for this lease.
create function across.lease_extensions(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (id uuid, tenant_id uuid, account_id uuid, agent_id uuid, connector_id uuid, rotation integer, due text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive waiting(tenant) as (
      (select a.tenant_id from mayfly.attachment a where a.extend_due is not null order by a.tenant_id limit 1)
      union all
      select n.tenant_id from waiting w, lateral (select a.tenant_id from mayfly.attachment a
        where a.extend_due is not null and a.tenant_id > w.tenant order by a.tenant_id limit 1) n
    ), due as (
      select d.id, u.busy + row_number() over (partition by w.tenant order by d.extend_due) as nth, d.extend_due
        from waiting w,
          lateral (select count(*) as busy from unnest(p_busy) b(tenant) where b.tenant = w.tenant) u,
          lateral (
            select a.id, a.extend_due from mayfly.attachment a
             where a.tenant_id = w.tenant and a.extend_due <= v_now
             order by a.extend_due limit greatest(p_each - u.busy, 0) for update skip locked) d
    ), lent as (
      update mayfly.attachment a set extend_due = v_now + make_interval(secs => p_lease_seconds)
        from (select f.id from due f order by f.nth, f.extend_due limit p_limit) first where a.id = first.id
      returning a.*
    )
    select l.id, l.tenant_id, l.account_id, l.agent_id, l.connector_id, l.rotation, l.extend_due::text from lent l;
end $$;
