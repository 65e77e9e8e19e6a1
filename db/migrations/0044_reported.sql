-- What guards reported of an agent and of a token is found by them: one leaf reports of many. And three questions that read more of the log
-- than their answers have are bounded.

set local role mayfly_log;

-- Whom a report tells of: an agent, by its account or token, or a token. Ids in a report are those of a token whose signature the guard had
-- verified. allowed: whether anything was; refused: for what reasons, null: nothing was.
create table log.report_mention (
  position      bigint not null,
  subject_id    uuid not null,
  tenant_id     uuid not null,
  allowed       boolean not null,
  refused       text[],
  primary key (subject_id, position)
);
create index report_refusal on log.report_mention (subject_id, position) where refused is not null;
select mayfly.keep_tenants_apart('log.report_mention');
grant select on log.report_mention to mayfly_across;
create trigger event_append_only before update or delete or truncate on log.report_mention
  for each statement execute function log.refuse_change();

-- A report is one entry in a thousand: all others pay for the condition alone. An agent is looked for within the tenant whose guard it was.
create function log.mention_reported() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  insert into log.report_mention (position, subject_id, tenant_id, allowed, refused)
    select new.position, s.id, new.tenant_id, bool_or(d.outcome = 'allow'), array_agg(distinct left(d.reason, 64)) filter (where d.outcome = 'deny')
      from (select log.json_of(b.body) as body from log.body b where b.position = new.position) b,
           jsonb_to_recordset(case jsonb_typeof(b.body->'decisions') when 'array' then b.body->'decisions' end)
             d(outcome text, reason text, jti text, account_id text),
           lateral (
             select log.uuid_in(d.jti)
             union
             select coalesce(
               (select a.agent_id from mayfly.account a where a.id = log.uuid_in(d.account_id) and a.tenant_id = new.tenant_id),
               -- Among its first events: what a report names may be another tenant's, with a million of them and no opening to be found here.
               (select e.agent_id from (select f.agent_id, f.tenant_id, f.type from log.event f where f.account_id = log.uuid_in(d.account_id)
                  order by (f.position >> 16) limit 64) e where e.tenant_id = new.tenant_id and e.type = 'account.opened' limit 1))) s(id)
     where s.id is not null and new.tenant_id is not null group by s.id
    on conflict do nothing;
  return null;
end $$;
create trigger event_reported after insert on log.event
  for each row when (new.type = 'decisions.reported') execute function log.mention_reported();
revoke all on function log.mention_reported from public;

-- As log.event_slot, of 4,096 slots: half a day. A range of years is read from these, and from the slots at its two ends.
create table log.event_stretch (
  stretch       integer primary key,
  first         bigint not null,
  last          bigint not null
);
grant select on log.event_stretch to mayfly_across;
create function log.widen_stretch() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into log.event_stretch as s (stretch, first, last) values (new.slot >> 12, new.first, new.last)
    on conflict (stretch) do update set first = least(s.first, excluded.first), last = greatest(s.last, excluded.last);
  return null;
end $$;
create trigger event_slot_widens after insert or update on log.event_slot for each row execute function log.widen_stretch();
insert into log.event_stretch select s.slot >> 12, min(s.first), max(s.last) from log.event_slot s group by 1;
revoke all on function log.widen_stretch from public;

set local role mayfly_across;

create or replace function across.positions_between(p_from timestamptz, p_to timestamptz, out first bigint, out last bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_from bigint := greatest(coalesce(floor(extract(epoch from p_from) / 10), 0), 0);
  v_to bigint := coalesce(floor(extract(epoch from p_to) / 10), 2147483647);
begin
  -- Clocks may go back, so all that lies between counts and not the ends alone.
  select coalesce(min(r.first), 0), coalesce(max(r.last), -1) into first, last from (
    select s.first, s.last from log.event_slot s where s.slot between v_from and least(v_to, ((v_from >> 12) << 12) + 4095)
    union all
    select s.first, s.last from log.event_slot s where s.slot between greatest(v_from, (v_to >> 12) << 12) and v_to
    union all
    select t.first, t.last from log.event_stretch t where t.stretch > v_from >> 12 and t.stretch < v_to >> 12) r;
end $$;

-- A level at a time, and no more of it than is still asked for: an account may have a million below it.
create or replace function across.account_family(p_tenant uuid, p_account uuid, p_limit integer)
  returns table (account_id uuid, distance integer, parent_id uuid, agent_id uuid, opened_at timestamptz, ended_at timestamptz, ended_by text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_level uuid[] := array[p_account];
  v_ids uuid[] := v_level;
  v_distances integer[] := array[0];
begin
  for v_distance in 1 .. 16 loop
    v_level := array(select e.account_id from unnest(v_level) l(id) join log.event e on e.parent_id = l.id
      where e.tenant_id = p_tenant limit greatest(p_limit - cardinality(v_ids), 0));
    exit when v_level = '{}';
    v_ids := v_ids || v_level;
    v_distances := v_distances || array_fill(v_distance, array[cardinality(v_level)]);
  end loop;
  return query
    with recursive up(id, parent, distance) as (
      -- Among its first events: it may be another tenant's, which nobody is to learn from how long this takes.
      select e.account_id, e.parent_id, 0 from (select f.account_id, f.parent_id, f.tenant_id, f.type from log.event f
         where f.account_id = p_account order by (f.position >> 16) limit 64) e
       where e.tenant_id = p_tenant and e.type = 'account.opened'
      union all
      select e.account_id, e.parent_id, u.distance - 1 from up u join log.event e on e.account_id = u.parent and e.type = 'account.opened'
       where e.tenant_id = p_tenant and u.distance > -16
    ), family(id, distance) as (
      select u.id, u.distance from up u where u.distance < 0
      union all
      select d.id, d.distance from unnest(v_ids, v_distances) d(id, distance)
    )
    select f.id, f.distance, o.parent_id, o.agent_id, o.at, x.at, x.type
      from family f
      left join lateral (select e.parent_id, e.agent_id, e.at from (select g.parent_id, g.agent_id, g.at, g.tenant_id, g.type from log.event g
           where g.account_id = f.id order by (g.position >> 16) limit 64) e
         where e.tenant_id = p_tenant and e.type = 'account.opened' limit 1) o on true
      left join lateral (select e.at, e.type from log.event e where o.at is not null and e.account_id = f.id and e.tenant_id = p_tenant
         and e.type in ('account.completed', 'account.expired', 'account.revoked', 'account.closed') order by e.position limit 1) x on true
     order by f.distance, f.id;
end $$;

-- One way to find a leaf by its id: across.find_leaf, which asks no projection.
drop function across.find_event_position(uuid, uuid);

-- Reports that tell of the agent and the token of a filter, as a query; null: the filter asks for something that no report has, or for neither.
create function across.report_query(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_types text[] := array(select jsonb_array_elements_text(p_filter->'types'));
  v_prefixes text[] := array(select jsonb_array_elements_text(p_filter->'prefixes'));
  v text := format('m.subject_id = %L and m.position between %s and %s', (coalesce(p_filter->>'token', p_filter->>'agent'))::uuid, p_first, p_last);
begin
  if not p_filter ?| array['agent', 'token'] or p_filter ?| array['accounts', 'tasks', 'actor', 'person', 'approver', 'about', 'without']
    or v_types || v_prefixes <> '{}' and not ('decisions.reported' = any(v_types)
      or exists (select from unnest(v_prefixes) p where starts_with('decisions.reported', p))) then return null; end if;
  if p_filter ?& array['agent', 'token'] then
    v := v || format(' and exists (select from log.report_mention a where a.subject_id = %L and a.position = m.position)', (p_filter->>'agent')::uuid);
  end if;
  if p_tenant is not null then v := v || format(' and m.tenant_id = %L', p_tenant); end if;
  if p_filter ? 'decisions' then
    v := v || case when p_filter->'decisions' ?& array['a', 'd'] then '' when p_filter->'decisions' ? 'd' then ' and m.refused is not null'
      when p_filter->'decisions' ? 'a' then ' and m.allowed' else ' and false' end;
  end if;
  if p_filter ? 'reason' then v := v || format(' and m.refused is not null and %L = any(m.refused)', p_filter->>'reason'); end if;
  if p_filter ? 'reason_prefix' then
    v := v || format(' and m.refused is not null and exists (select from unnest(m.refused) r where starts_with(r, %L))', p_filter->>'reason_prefix');
  end if;
  if p_filter ? 'from' then v := v || format(' and e.at >= to_timestamp(%L::float8 / 1000)', (p_filter->>'from')::float8); end if;
  if p_filter ? 'before' then v := v || format(' and e.at < to_timestamp(%L::float8 / 1000)', (p_filter->>'before')::float8); end if;
  return 'from log.report_mention m join log.event e on e.position = m.position where ' || v;
end $$;

-- As before, and with what guards reported of the agent or the token that is asked for. There decision and reason are what was decided of
-- that one, whatever else the report tells of.
alter function across.find_events(uuid, jsonb, bigint, bigint, boolean, integer, integer) rename to find_own_events;
create function across.find_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint, p_ascending boolean, p_limit integer, p_budget_ms integer)
  returns table ("position" bigint, leaf text, body text, retention smallint, decision text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_reports text := across.report_query(p_tenant, p_filter, p_first, p_last);
  v_down text := case when p_ascending then '' else 'desc' end;
begin
  if v_reports is null then
    return query select * from across.find_own_events(p_tenant, p_filter, p_first, p_last, p_ascending, p_limit, p_budget_ms);
    return;
  end if;
  -- Where the time was up, reports beyond that place wait for the next page, as all else.
  return query execute format($q$
    with own as materialized (select * from across.find_own_events($1, $2, $3, $4, $5, $6, $7)),
    stop as materialized (select o.position from own o where o.leaf is null),
    told as materialized (
      select m.position, e.at, e.retention, case when m.refused is null or not coalesce($2->'decisions' ? 'd', true) then 'a' else 'd' end as decision, m.refused
        %1$s and (select case when $5 then m.position <= s.position else m.position >= s.position end from stop s) is not false
       order by m.position %2$s limit $6),
    page as materialized (
      select o.* from own o where o.leaf is not null
      union all
      select t.position, n.leaf, (select b.body from log.body b where b.position = t.position and b.at between t.at - interval '1 hour' and t.at + interval '1 hour'),
             t.retention, t.decision, case when t.decision = 'd' and cardinality(t.refused) = 1 then t.refused[1] end
        from told t join log.entry n on n.position = t.position
       order by 1 %2$s limit $6)
    select * from (select * from page union all
      select s.position, null, null, null, null, null from stop s where (select count(*) from page) < $6) r
     order by r.leaf is null, r.position %2$s$q$, v_reports, v_down)
    using p_tenant, p_filter, p_first, p_last, p_ascending, p_limit, p_budget_ms;
end $$;

alter function across.count_events(uuid, jsonb, bigint, bigint) rename to count_own_events;
create function across.count_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count bigint := 0;
  v_reports text := across.report_query(p_tenant, p_filter, p_first, p_last);
begin
  if v_reports is not null then execute 'select count(*) ' || v_reports into v_count; end if;
  return v_count + across.count_own_events(p_tenant, p_filter, p_first, p_last);
end $$;

revoke all on function across.report_query, across.find_own_events, across.count_own_events, across.find_events, across.count_events from public, mayfly_app;
grant execute on function across.find_events, across.count_events to mayfly_app;
