-- Who is sent the log as it grows (docs/decisions/0038-streams.md). What happened stands once, in log.entry; of each receiver there is
-- only how far it has come.

set local role mayfly_owner;

-- A webhook that is sent the entries of its tenant's log, in their order.
create table mayfly.audit_stream (
  webhook_id    uuid primary key references mayfly.webhook on delete cascade,
  tenant_id     uuid not null,
  -- The next entry that it has neither taken nor does not want. It only grows.
  position      bigint not null check (position >= 0),
  -- Where the last message ended that was taken: each message names the one before it, so that a receiver sees if one is missing.
  told          bigint not null check (told <= position),
  -- Where the message under way ends. What is sent again is the very same message.
  upto          bigint check (upto > position),
  -- When the receiver last took something.
  taken_at      timestamptz,
  -- After a failure nothing is sent until then; the failures in a row, and the last one.
  hold_until    timestamptz not null default '-infinity',
  failures      integer not null default 0,
  failure       text,
  failure_status smallint,
  parked        boolean not null default false,
  -- Who sends at the moment, and until when without a sign of life.
  lease         uuid,
  leased_until  timestamptz not null default '-infinity',
  tried_at      timestamptz not null default '-infinity'
);
select mayfly.keep_tenants_apart('mayfly.audit_stream');
grant select, insert, update, delete on mayfly.audit_stream to mayfly_app;
grant select, update on mayfly.audit_stream to mayfly_across;

-- Where the operator's own system (a SIEM) has come to. Where that system is stands in the worker's configuration and nowhere here, so
-- nobody who can write to the database or call the API leads the log elsewhere.
create table mayfly.audit_sink (
  name          text primary key check (name ~ '^[a-z0-9-]{1,32}$'),
  position      bigint not null check (position >= 0),
  taken_at      timestamptz,
  failures      integer not null default 0,
  failure       text,
  lease         uuid,
  leased_until  timestamptz not null default '-infinity'
);
grant select, insert, update on mayfly.audit_sink to mayfly_across;

set local role mayfly_log;
grant select on log.head to mayfly_across;

set local role mayfly_across;

-- Entries from p_from up to but without p_to, of all tenants, in order. Both tables are read by the range: looking up each body on its own
-- would ask each partition for each.
create function across.read_log_range(p_from bigint, p_to bigint) returns table ("position" bigint, leaf text, body text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_hashjoin = on set enable_nestloop = off set enable_seqscan = off as $$
begin
  return query select e.position, e.leaf, b.body from log.entry e
    left join (select o.position, o.body from log.body o where o.position >= p_from and o.position < p_to) b on b.position = e.position
    where e.position >= p_from and e.position < p_to order by e.position;
end $$;

-- Streams that are behind the log, each lent to one worker at a time, so that a receiver gets entries in their order. Who was served
-- longest ago comes first, and a tenant has only so many under way: one whose receivers all hang holds up itself alone.
-- p_busy: a tenant as often as it has something under way; p_each: how much that may be.
create function across.lease_audit_streams(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (webhook_id uuid, tenant_id uuid, lease uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
  v_size bigint := (select h.size from log.head h where h.id = 1);
begin
  return query
    with busy as (
      select b.tenant, count(*) as count from unnest(p_busy) b(tenant) group by b.tenant
    ), due as (
      select s.webhook_id, s.tried_at, coalesce(b.count, 0) + row_number() over (partition by s.tenant_id order by s.tried_at) as nth
        from mayfly.audit_stream s left join busy b on b.tenant = s.tenant_id
       where s.position < v_size and s.hold_until <= v_now and s.leased_until <= v_now
    )
    update mayfly.audit_stream s set lease = gen_random_uuid(), tried_at = v_now,
        leased_until = v_now + make_interval(secs => p_lease_seconds)
      from (select d.webhook_id from due d where d.nth <= p_each order by d.nth, d.tried_at limit p_limit) first
     where s.webhook_id = first.webhook_id and s.leased_until <= v_now
    returning s.webhook_id, s.tenant_id, s.lease;
end $$;

-- What an operator should see of streams and sinks. behind: entries between what the last of them has taken and the end of the log.
create function across.audit_backlog(out streams bigint, out failing bigint, out parked bigint, out behind bigint, out sink_failing bigint,
  out sink_behind bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_size bigint := (select h.size from log.head h where h.id = 1);
begin
  select count(*), count(*) filter (where s.failures > 0), count(*) filter (where s.parked), coalesce(max(v_size - s.position), 0)
    into streams, failing, parked, behind from mayfly.audit_stream s;
  select count(*) filter (where k.failures > 0), coalesce(max(v_size - k.position), 0) into sink_failing, sink_behind
    from mayfly.audit_sink k;
end $$;

-- One worker writes to a sink. It holds the sink by asking again; another one gets it once the lease is over. A sink that is not known
-- yet begins at p_from. Null: somebody else has it.
create function across.hold_audit_sink(p_name text, p_lease uuid, p_lease_seconds double precision, p_from bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_position bigint;
begin
  insert into mayfly.audit_sink (name, position) values (p_name, p_from) on conflict do nothing;
  update mayfly.audit_sink k set lease = p_lease, leased_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
   where k.name = p_name and (k.lease = p_lease or k.leased_until <= clock_timestamp())
  returning k.position into v_position;
  return v_position;
end $$;

-- What came of writing: p_position is the next entry that it has to be given; p_failure null: nothing is wrong. False: not ours any more.
create function across.note_audit_sink(p_name text, p_lease uuid, p_position bigint, p_failure text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update mayfly.audit_sink k
     set taken_at = case when p_position > k.position then clock_timestamp() else k.taken_at end,
         position = greatest(k.position, p_position), failure = p_failure,
         failures = case when p_failure is null then 0 else k.failures + 1 end
   where k.name = p_name and k.lease = p_lease;
  return found;
end $$;

create function across.release_audit_sink(p_name text, p_lease uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update mayfly.audit_sink k set leased_until = '-infinity', lease = null where k.name = p_name and k.lease = p_lease;
end $$;

-- The first entry of that time or later, give or take the moments that entries which were written together may stand in another order.
create function across.log_position_at(p_ms double precision) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_low bigint := 0;
  v_high bigint := (select h.size from log.head h where h.id = 1);
  v_middle bigint;
  v_time double precision;
begin
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    select (e.leaf::jsonb ->> 'time')::double precision into v_time from log.entry e where e.position = v_middle;
    if coalesce(v_time, 0) < p_ms then v_low := v_middle + 1; else v_high := v_middle; end if;
  end loop;
  return v_low;
end $$;
