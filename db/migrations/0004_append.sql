-- The one way into the log, and with it the one moment at which a token is allowed.
--
-- Order is the guarantee. Statement one locks the head. Every later statement takes its snapshot after that, so it sees
-- each revocation and each change of configuration whose own leaf already stands in the log: those transactions take the
-- head last, and hold it until they are committed. A single statement would keep the snapshot that it had before it waited
-- for the head, and could log an issuance behind the revocation of its account.

set local role mayfly_log;

-- Outcomes: 0 appended; 1 the tenant's configuration changed; 2 the account is not live, or not of that generation;
-- 3 the account to be opened exists; 4 the subject token belongs to another key; 5 the subject has another key;
-- 6 the task to be opened is over, its tombstone says so; 7, 8, 9, 10 the tenant, the agent, the parent account, the address has no room for
-- one more account.
-- Of a request with an outcome other than 0 nothing is written.
--
-- Every look-up here is by key. The planner settings say so, because a plan that was made and kept while a table was small
-- would go on reading all of it: 60,000 new accounts made a batch nine times slower until the next ANALYZE.
create function log.append(
  p_tenants      uuid[],
  p_configs      bigint[],   -- config epoch that the request was decided under; null: decided under none
  p_accounts     uuid[],     -- account that is used; null: none
  p_generations  integer[],
  p_until        bigint[],   -- end of what is issued, seconds since the epoch
  p_owners       integer[],  -- for each leaf: which request, from 1
  p_leaves       text,       -- one a line
  p_bodies       text,       -- one a line, as many as leaves; an empty line: no body
  p_openings     jsonb default null,     -- [{n, id, tenant, agent, task_key, task_id, opener, deadline, ceiling, claim_hash, opening_key, root, address}]
  p_pins         jsonb default null,     -- [{n, token_hash, key, until}]
  p_subject_keys jsonb default null,     -- [{n, id, tenant, subject, sealed, kek}]
  p_lineages     jsonb default null,     -- of openings of children: [{n, id, tenant, root, parent, depth, max_depth, ancestors, generations, agents, quota}]
  p_room         jsonb default null,     -- what the openings count for, each once: [{scope, tenant, more, most}]; most null: without limit
  p_statuses     jsonb default null,     -- of tokens that stand in a status list: [{n, tenant, list, idx, token, account, generation, root, agents, config, kid, until}]
  out database_ms double precision,
  out first_position bigint,
  out outcomes   smallint[],
  out existing   jsonb  -- the accounts whose task a request wanted to open anew, as readAccounts gives them; null: none
) language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz;
  v_leaves text[] := string_to_array(p_leaves, E'\n');
  v_bodies text[] := string_to_array(p_bodies, E'\n');
begin
  -- A line too many or too few would part an event from its owner, and lose it without a word.
  if cardinality(v_leaves) <> cardinality(p_owners) or (p_bodies <> '' and cardinality(v_bodies) <> cardinality(p_owners)) then
    raise exception 'log.append: % owners, % leaves, % bodies', cardinality(p_owners), cardinality(v_leaves), cardinality(v_bodies)
      using errcode = 'invalid_parameter_value';
  end if;

  select h.size into strict first_position from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  database_ms := extract(epoch from v_now) * 1000;

  select array_agg((case
      when r.config is not null and t.config_epoch is distinct from r.config then 1
      when r.account is null then 0
      when (a.state = 'a' or a.state = 'c' and a.readmitted and log.is_attended(a.id)) and a.generation = r.generation and a.deadline > v_now
        and a.tenant_id = r.tenant and extract(epoch from a.deadline) >= r.until
        and (a.root_id is null or log.ancestors_live(a.id, v_now)) then 0
      else 2 end)::smallint order by r.n)
    into outcomes
    from unnest(p_tenants, p_configs, p_accounts, p_generations, p_until)
      with ordinality r(tenant, config, account, generation, until, n)
    left join mayfly.tenant t on t.id = r.tenant
    left join mayfly.account a on a.id = r.account;

  -- What two requests may want of one another's is judged first, opened next and kept last: only then is it known of
  -- which requests anything is written at all. Nobody else writes these tables while the head is held.
  if p_subject_keys is not null then outcomes := log.judge_subject_keys(outcomes, p_subject_keys); end if;
  if p_pins is not null then outcomes := log.judge_pins(outcomes, p_pins); end if;
  if p_openings is not null then
    outcomes := log.open_accounts(outcomes, p_openings, p_lineages, p_room, v_now);
    if 3 = any(outcomes) then existing := log.accounts_in_the_way(outcomes, p_openings); end if;
  end if;
  if p_subject_keys is not null then perform log.keep_subject_keys(outcomes, p_subject_keys); end if;
  if p_pins is not null then perform log.keep_pins(outcomes, p_pins); end if;
  if p_statuses is not null then perform log.keep_statuses(outcomes, p_statuses); end if;

  if outcomes <> array_fill(0::smallint, array[cardinality(outcomes)]) then
    select coalesce(array_agg(l.leaf order by l.n), '{}'), coalesce(array_agg(l.body order by l.n), '{}')
      into v_leaves, v_bodies
      from unnest(p_owners, v_leaves, v_bodies) with ordinality l(owner, leaf, body, n)
     where outcomes[l.owner] = 0;
  end if;
  insert into log.entry (position, leaf)
    select first_position + l.n - 1, l.leaf from unnest(v_leaves) with ordinality l(leaf, n);
  insert into log.body (position, retention, at, body)
    select first_position + l.n - 1, 1, v_now, l.body from unnest(v_bodies) with ordinality l(body, n) where l.body <> '';

  update log.head set size = first_position + cardinality(v_leaves) where id = 1;
end $$;

-- The key of a foreign subject is the stored one, else the one of the first request in the batch.
create function log.judge_subject_keys(p_outcomes smallint[], p_keys jsonb) returns smallint[]
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
begin
  for v in
    select j.n from (
      select k.n, k.id, coalesce(s.id, first_value(k.id) over (partition by k.tenant, k.subject order by k.n)) as holder
        from jsonb_to_recordset(p_keys) k(n int, id uuid, tenant uuid, subject text)
        left join mayfly.subject_key s on s.tenant_id = k.tenant and s.subject_hash = decode(k.subject, 'hex')
       where p_outcomes[k.n] = 0
    ) j where j.id <> j.holder
  loop p_outcomes[v.n] := 5; end loop;
  return p_outcomes;
end $$;

create function log.keep_subject_keys(p_outcomes smallint[], p_keys jsonb) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
    select distinct on (k.id) k.id, k.tenant, decode(k.subject, 'hex'), decode(k.sealed, 'hex'), k.kek
      from jsonb_to_recordset(p_keys) k(n int, id uuid, tenant uuid, subject text, sealed text, kek text)
     where p_outcomes[k.n] = 0
    on conflict (tenant_id, subject_hash) do nothing;
$$;

-- A subject token belongs to the key that it is pinned to, else to that of the first request in the batch.
create function log.judge_pins(p_outcomes smallint[], p_pins jsonb) returns smallint[]
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
begin
  for v in
    select j.n from (
      select p.n, decode(p.key, 'hex') as key,
             coalesce(s.key_thumbprint, first_value(decode(p.key, 'hex')) over (partition by p.token_hash order by p.n)) as holder
        from jsonb_to_recordset(p_pins) p(n int, token_hash text, key text)
        left join mayfly.subject_pin s on s.token_hash = decode(p.token_hash, 'hex')
       where p_outcomes[p.n] = 0
    ) j where j.key <> j.holder
  loop p_outcomes[v.n] := 4; end loop;
  return p_outcomes;
end $$;

create function log.keep_pins(p_outcomes smallint[], p_pins jsonb) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into mayfly.subject_pin (token_hash, key_thumbprint, expires_at)
    select distinct on (p.token_hash) decode(p.token_hash, 'hex'), decode(p.key, 'hex'), to_timestamp(p.until)
      from jsonb_to_recordset(p_pins) p(n int, token_hash text, key text, until double precision)
     where p_outcomes[p.n] = 0 order by p.token_hash, p.n
    on conflict (token_hash) do nothing;
$$;

-- Whether somebody looks after a claimed account: its owner is there, its review date not past. Claims tell.
create function log.is_attended(p_account uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$ select true $$;

-- Whether each ancestor of a child account is active, at the generation that it had when the child was opened. By the accounts'
-- keys alone: what else is asked of them stands outside of the join, or the index of deadlines would be walked through, live
-- account by live account, for each ancestor.
create function log.ancestors_live(p_account uuid, p_now timestamptz) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select exists (select from mayfly.lineage l where l.account_id = p_account) and not exists (
    select from mayfly.lineage l, unnest(l.ancestors, l.generations) g(id, generation) left join mayfly.account a on a.id = g.id
     where l.account_id = p_account and (a.generation = g.generation and a.state = 'a' and a.deadline > p_now) is not true);
$$;

-- Mostly all find room and open what was not there: then what they count for is taken as the broker added it up. Each further
-- look into the openings costs 2 µs an account, so the exact ones are for batches in which something does not hold.
create function log.open_accounts(p_outcomes smallint[], p_openings jsonb, p_lineages jsonb, p_room jsonb, p_now timestamptz)
  returns smallint[]
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_missed int[];
begin
  if exists (
    select from jsonb_to_recordset(p_room) w(scope uuid, more int, most int) left join mayfly.live_count c on c.scope = w.scope
     where coalesce(c.live, 0) + w.more > w.most
  ) then p_outcomes := log.judge_room(p_outcomes, p_openings, p_lineages, p_room); end if;

  with wanted as (
    select o.* from jsonb_to_recordset(p_openings) o(n int, id uuid, tenant uuid, agent uuid, task_key uuid, task_id text,
        opener text, deadline double precision, ceiling bigint, claim_hash text, opening_key text, root uuid, address uuid)
     where p_outcomes[o.n] = 0
  ), opened as (
    insert into mayfly.account (id, tenant_id, agent_id, task_key, task_id, opener, opened_at, deadline, ceiling_id, claim_hash, opening_key, root_id, address_scope)
      select w.id, w.tenant, w.agent, w.task_key, w.task_id, decode(w.opener, 'hex'), p_now, to_timestamp(w.deadline), w.ceiling,
             decode(w.claim_hash, 'hex'), decode(w.opening_key, 'hex'), w.root, w.address
        from wanted w where not exists (select from mayfly.tombstone t where t.task_key = w.task_key) order by w.n
      on conflict (task_key) do nothing
      returning id
  )
  select array_agg(w.n) into v_missed from wanted w left join opened d on d.id = w.id where d.id is null;
  if v_missed is not null then p_outcomes := log.explain_missed(p_outcomes, p_openings, v_missed); end if;

  if p_lineages is not null then
    insert into mayfly.lineage (account_id, tenant_id, root_id, parent_id, depth, max_depth, ancestors, generations, agents, quota)
      select l.id, l.tenant, l.root, l.parent, l.depth, l.max_depth, l.ancestors, l.generations, l.agents, l.quota
        from jsonb_to_recordset(p_lineages) l(n int, id uuid, tenant uuid, root uuid, parent uuid, depth smallint, max_depth smallint,
          ancestors uuid[], generations integer[], agents uuid[], quota jsonb)
       where p_outcomes[l.n] = 0;
  end if;
  if 0 = all(p_outcomes) then
    insert into mayfly.live_count (scope, tenant_id, live)
      select w.scope, w.tenant, w.more from jsonb_to_recordset(p_room) w(scope uuid, tenant uuid, more int) order by w.scope
      on conflict (scope) do update set live = live_count.live + excluded.live;
  else
    insert into mayfly.live_count (scope, tenant_id, live)
      select s.scope, s.tenant, count(*) from log.scopes_of(p_outcomes, p_openings, p_lineages, p_room) s
       group by s.scope, s.tenant order by s.scope
      on conflict (scope) do update set live = live_count.live + excluded.live;
  end if;
  return p_outcomes;
end $$;

-- Why something was not opened: the task is over, or its account is there.
create function log.explain_missed(p_outcomes smallint[], p_openings jsonb, p_missed int[]) returns smallint[]
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
begin
  for v in
    select o.n, case when exists (select from mayfly.tombstone t where t.task_key = o.task_key) then 6 else 3 end as outcome
      from jsonb_to_recordset(p_openings) o(n int, task_key uuid) where o.n = any(p_missed)
  loop p_outcomes[v.n] := v.outcome; end loop;
  return p_outcomes;
end $$;

-- What each opening counts for: its tenant, its agent, its parent account, the caller's address. outcome: what is said when there is no room.
create function log.scopes_of(p_outcomes smallint[], p_openings jsonb, p_lineages jsonb, p_room jsonb)
  returns table (n int, task_key uuid, tenant uuid, scope uuid, most int, outcome smallint)
language sql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select o.n, o.task_key, o.tenant, s.scope, r.most, s.outcome
    from jsonb_to_recordset(p_openings) o(n int, task_key uuid, tenant uuid, agent uuid, address uuid)
    left join jsonb_to_recordset(p_lineages) l(n int, parent uuid) on l.n = o.n,
         lateral (values (o.tenant, 7::smallint), (o.agent, 8::smallint), (l.parent, 9::smallint), (o.address, 10::smallint)) s(scope, outcome)
    join jsonb_to_recordset(p_room) r(scope uuid, most int) on r.scope = s.scope
   where p_outcomes[o.n] = 0;
$$;

-- Never more than the limit. Of those that come together the first find room. Who opens what is there already takes none.
create function log.judge_room(p_outcomes smallint[], p_openings jsonb, p_lineages jsonb, p_room jsonb) returns smallint[]
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
begin
  for v in
    select o.n, min(o.outcome) as outcome from (
      select s.n, s.outcome, s.most, coalesce(c.live, 0) + row_number() over (partition by s.scope order by s.n) as taken
        from (select w.*, row_number() over (partition by w.scope, w.task_key order by w.n) as nth
                from log.scopes_of(p_outcomes, p_openings, p_lineages, p_room) w) s
        left join mayfly.live_count c on c.scope = s.scope
       where s.nth = 1 and not exists (select from mayfly.account a where a.task_key = s.task_key)
    ) o where o.taken > o.most group by o.n
  loop p_outcomes[v.n] := v.outcome; end loop;
  return p_outcomes;
end $$;

-- Whoever opens without having looked is told what is there, so that the next attempt needs no look either.
create function log.accounts_in_the_way(p_outcomes smallint[], p_openings jsonb) returns jsonb
language sql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select jsonb_agg(jsonb_build_object('id', a.id, 'tenantId', a.tenant_id, 'agentId', a.agent_id, 'taskKey', a.task_key,
      'taskId', a.task_id, 'state', a.state::text, 'generation', a.generation,
      'deadlineSeconds', case when isfinite(a.deadline) then extract(epoch from a.deadline) end,
      'ceilingId', a.ceiling_id::text, 'opener', encode(a.opener, 'hex'), 'openingKey', encode(a.opening_key, 'hex'),
      'rootId', a.root_id, 'readmitted', a.readmitted and log.is_attended(a.id)))
    from jsonb_to_recordset(p_openings) o(n int, task_key uuid)
    join mayfly.account a on a.task_key = o.task_key
   where p_outcomes[o.n] = 3;
$$;

revoke all on function log.append, log.judge_subject_keys, log.keep_subject_keys, log.judge_pins, log.keep_pins, log.open_accounts,
  log.explain_missed, log.is_attended, log.ancestors_live, log.scopes_of, log.judge_room, log.accounts_in_the_way from public;
grant execute on function log.append to mayfly_app;

-- For every other transaction: a row written here is moved into the log when the transaction commits, after all its own
-- work and without a client round trip while the head is held.
create table log.pending (
  id            bigint generated always as identity primary key,
  tenant_id     uuid,
  leaf          text not null,
  body          text not null
);
create function log.append_pending() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from log.pending where id = new.id;
  perform log.append(array[new.tenant_id], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint],
    array[1], new.leaf, new.body);
  return null;
end $$;
create constraint trigger pending_at_commit after insert on log.pending
  deferrable initially deferred for each row execute function log.append_pending();
revoke all on function log.append_pending from public;
grant insert (tenant_id, leaf, body) on log.pending to mayfly_app;
