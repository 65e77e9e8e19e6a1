-- What becomes of an account after it was opened. One function, many accounts at once, one statement that commits by itself:
--
--   lock the accounts in order → wait for the log's head → judge each on the clock → change, append, count, outbox
--
-- So of changes that race for an account exactly one finds it as it expected, and its leaf stands in the log behind every token
-- that was issued before. `log.append` takes the head and only then looks at accounts, without locking them: no deadlock.

set local role mayfly_log;

-- The one table of legal transitions; `core/account/transitions.ts` says the same, a test compares them.
-- due: 'before' its deadline, or 'after'; null: whenever. raises: the generation, so that every earlier token is dead.
create table log.transition (
  name        text not null,
  from_state  "char" not null,
  -- null: the row goes, a tombstone stays
  to_state    "char",
  due         text check (due in ('before', 'after')),
  raises      boolean not null,
  -- whether a child account may do it, and only while its ancestors live
  of_child    text not null check (of_child in ('yes', 'while ancestors live', 'no')),
  primary key (name, from_state)
);
insert into log.transition values
  ('extend',   'a', 'a',  'before', false, 'while ancestors live'),
  ('complete', 'a', 'm',  'before', true,  'while ancestors live'),
  ('expire',   'a', 'e',  'after',  true,  'yes'),
  ('revoke',   'a', 'r',  'before', true,  'yes'),
  ('revoke',   'c', 'r',  null,     true,  'yes'),
  ('claim',    'a', 'c',  'before', true,  'no'),
  ('close',    'c', 'x',  null,     true,  'no'),
  ('readmit',  'c', 'c',  null,     false, 'no'),
  ('suspend',  'c', 'c',  null,     true,  'no'),
  ('narrow',   'c', 'c',  null,     true,  'no'),
  ('reap',     'm', null, null,     false, 'yes'),
  ('reap',     'e', null, null,     false, 'yes'),
  ('reap',     'r', null, null,     false, 'yes'),
  ('reap',     'x', null, null,     false, 'yes');
grant select on log.transition to mayfly_app;

-- Whether something outside still has to be taken down before an account may go. Connectors tell.
create function log.is_attached(p_account uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$ select false $$;

-- Outcomes: 0 done; 1 there is no such account; 2 its state, its generation, its claim secret, its ancestors or what the tenant has
-- registered meanwhile do not allow it; 3 it is not due yet; 4 something outside is still attached. Of a change with an outcome
-- other than 0 nothing is written.
create function log.transition_accounts(
  p_changes   jsonb,   -- [{n, id, tenant, transition, generation?, claim_hash?, config_epoch?, deadline?, ceiling?, readmitted?, person?,
                       --   review_on?, outbox?, revocation?, by?}], n from 1
  p_leaves    text,    -- one a line, of each change one
  p_bodies    text,
  out outcomes    smallint[],
  out states      text[],     -- as they are now; null: gone or never there
  out generations integer[],
  out deadlines   double precision[],  -- seconds since the epoch; null: none
  out database_ms double precision,
  out published   jsonb       -- what the feed tells of it, as log.publish returns it; null: nothing
) language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz;
  v_leaves text[] := string_to_array(p_leaves, E'\n');
  v_bodies text[] := string_to_array(p_bodies, E'\n');
  v_count int := jsonb_array_length(p_changes);
  v_tenants uuid[];
begin
  if cardinality(v_leaves) <> v_count or cardinality(v_bodies) <> v_count or v_count > 500
    or (select count(distinct c.id) <> v_count from jsonb_to_recordset(p_changes) c(id uuid)) then
    raise exception 'log.transition_accounts: % changes, % leaves, % bodies; each account once, 500 at most',
      v_count, cardinality(v_leaves), cardinality(v_bodies) using errcode = 'invalid_parameter_value';
  end if;
  perform from mayfly.account a where a.id in (select c.id from jsonb_to_recordset(p_changes) c(id uuid)) order by a.id for update;
  perform from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  database_ms := extract(epoch from v_now) * 1000;

  select array_agg((case
      when a.id is null then 1
      when t.name is null or c.generation is distinct from a.generation and c.generation is not null then 2
      when c.claim_hash is not null and decode(c.claim_hash, 'hex') is distinct from a.claim_hash then 2
      when c.config_epoch is not null and c.config_epoch is distinct from (select x.config_epoch from mayfly.tenant x where x.id = c.tenant) then 2
      when t.due = 'before' and a.deadline <= v_now then 2
      when t.due = 'after' and a.deadline > v_now then 3
      when a.root_id is not null and (t.of_child = 'no' or t.of_child = 'while ancestors live' and not log.ancestors_live(a.id, v_now)) then 2
      when c.transition = 'extend' and (c.deadline is null or to_timestamp(c.deadline) <= a.deadline) then 2
      when t.to_state is null and log.is_attached(a.id) then 4
      else 0 end)::smallint order by c.n), array_agg(c.tenant order by c.n)
    into outcomes, v_tenants
    from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid, transition text, generation int, claim_hash text, config_epoch bigint,
      deadline double precision)
    left join mayfly.account a on a.id = c.id and a.tenant_id = c.tenant
    left join log.transition t on t.name = c.transition and t.from_state = a.state;

  -- Before the rows go that say whose they are.
  update mayfly.live_count l set live = l.live - s.less
    from (
      select w.scope, count(*) as less
        from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text)
        join mayfly.account a on a.id = c.id and a.state = 'a'
        join log.transition t on t.name = c.transition and t.from_state = 'a' and t.to_state <> 'a'
        left join mayfly.lineage y on a.root_id is not null and y.account_id = a.id,
        lateral (values (a.tenant_id), (a.agent_id), (y.parent_id), (a.address_scope)) w(scope)
       where outcomes[c.n] = 0 and w.scope is not null group by w.scope
    ) s where l.scope = s.scope;
  delete from mayfly.live_count where live = 0 and scope in (
    select c.id from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text) where outcomes[c.n] = 0 and c.transition = 'reap');

  insert into mayfly.claim (account_id, tenant_id, person_id, claimed_at, review_on)
    select c.id, c.tenant, c.person, v_now, c.review_on
      from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid, transition text, person uuid, review_on date)
     where outcomes[c.n] = 0 and c.transition = 'claim';
  perform log.bury_accounts(outcomes, p_changes, v_now);
  update mayfly.account a set
      state = t.to_state,
      generation = a.generation + t.raises::int,
      deadline = case c.transition when 'extend' then to_timestamp(c.deadline) when 'claim' then 'infinity' else a.deadline end,
      ceiling_id = case when c.transition in ('claim', 'narrow') then coalesce(c.ceiling, a.ceiling_id) else a.ceiling_id end,
      readmitted = case c.transition when 'claim' then coalesce(c.readmitted, false) when 'readmit' then true
        when 'narrow' then a.readmitted else false end,
      -- Its secret opens nothing once it is claimed or over.
      claim_hash = case when c.transition = 'extend' then a.claim_hash end,
      opening_key = case when c.transition = 'extend' then a.opening_key end
    from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text, deadline double precision, ceiling bigint, readmitted boolean), log.transition t
   where a.id = c.id and outcomes[c.n] = 0 and t.name = c.transition and t.from_state = a.state and t.to_state is not null;

  select array_agg(a.state::text order by c.n), array_agg(a.generation order by c.n),
         array_agg(case when isfinite(a.deadline) then extract(epoch from a.deadline)::float8 end order by c.n)
    into states, generations, deadlines
    from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid) left join mayfly.account a on a.id = c.id and a.tenant_id = c.tenant;
  published := log.publish_transitions(outcomes, p_changes, v_now);
  insert into mayfly.outbox (tenant_id, account_id, transition, generation, payload, at)
    select c.tenant, c.id, c.transition, coalesce(generations[c.n], 0), c.outbox, v_now
      from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid, transition text, outbox jsonb)
     where outcomes[c.n] = 0 and c.transition <> 'reap' order by c.n;
  if 0 = any(outcomes) then perform log.append_of_changes(outcomes, v_tenants, v_leaves, v_bodies); end if;
end $$;

-- Reaping: the row goes, a tombstone stays.
create function log.bury_accounts(p_outcomes smallint[], p_changes jsonb, p_now timestamptz) returns void
language sql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  with gone as (
    delete from mayfly.account a using jsonb_to_recordset(p_changes) c(n int, id uuid, transition text)
     where a.id = c.id and p_outcomes[c.n] = 0 and c.transition = 'reap'
     returning a.id, a.task_key, a.tenant_id, a.state, a.root_id
  ), forgotten as (
    delete from mayfly.lineage l using gone g where l.account_id = g.id and g.root_id is not null
  )
  insert into mayfly.tombstone (task_key, account_id, tenant_id, ended_at, state)
    select g.task_key, g.id, g.tenant_id, p_now, g.state from gone g;
$$;

create function log.append_of_changes(p_outcomes smallint[], p_tenants uuid[], p_leaves text[], p_bodies text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_tenants uuid[]; v_leaves text; v_bodies text; v_count int;
begin
  select array_agg(l.tenant order by l.n), string_agg(l.leaf, E'\n' order by l.n), string_agg(l.body, E'\n' order by l.n), count(*)
    into v_tenants, v_leaves, v_bodies, v_count
    from unnest(p_outcomes, p_tenants, p_leaves, p_bodies) with ordinality l(outcome, tenant, leaf, body, n)
   where l.outcome = 0;
  perform log.append(v_tenants, array_fill(null::bigint, array[v_count]), array_fill(null::uuid, array[v_count]),
    array_fill(null::integer, array[v_count]), array_fill(null::bigint, array[v_count]),
    (select array_agg(i order by i) from generate_series(1, v_count) i), v_leaves, v_bodies);
end $$;

revoke all on function log.transition_accounts, log.bury_accounts, log.append_of_changes, log.is_attached from public;
grant execute on function log.transition_accounts to mayfly_app;
