-- What the log is searched by: one narrow row a leaf (docs/decisions/0035-projection.md). It can be made anew from the leaves and bodies
-- at any time, proves nothing, and holds ids, times and codes of ours alone: nobody's name, nothing that is sealed.
--
-- Every index but that of positions is led by what is asked for and then by a block of positions, not by the position: entries of one block
-- share a posting list, six bytes each, and a page is read block by block, newest first, by an incremental sort.

set local role mayfly_owner;
grant execute on function mayfly.keep_tenants_apart to mayfly_log;

set local role mayfly_log;

-- Bodies are found by position, one at a time and by ranges. Block ranges answer that only once a vacuum has summarised them: until then each
-- question reads all bodies since the last one, 100,000 of them and more. Positions only grow, so a B-tree costs an insert next to
-- nothing as well, and 22 bytes.
drop index log.body_position;
create index body_position on log.body (position) with (fillfactor = 100);
alter index log.entry_pkey set (fillfactor = 100);

create table log.event (
  position      bigint not null,
  -- The leaf's own time.
  at            timestamptz not null,
  account_id    uuid,
  token_id      uuid,
  tenant_id     uuid,
  agent_id      uuid,
  -- Of an opening: the account's task (`taskKey`), its parent and root.
  task_id       uuid,
  parent_id     uuid,
  root_id       uuid,
  -- Whose credential did it, which person that was, and who had let it pass.
  actor_id      uuid,
  person_id     uuid,
  approver_id   uuid,
  -- What was registered, changed, proposed or revoked, where it is neither account, token nor agent.
  about_id      uuid,
  retention     smallint,
  -- a allow, d deny, f defer; null: it decides nothing.
  decision      "char",
  type          text not null,
  reason        text,
  primary key (position) with (fillfactor = 100)
) partition by range (position);
create index event_tenant on log.event (tenant_id, (position >> 14));
create index event_account on log.event (account_id, (position >> 16)) where account_id is not null;
create index event_agent on log.event (agent_id, (position >> 14)) where agent_id is not null;
-- What befell tokens. Their issue, which most entries are, is found by its time: a token's id begins with it.
create index event_token on log.event (token_id) where token_id is not null and type <> 'token.issued';
create index event_task on log.event (task_id) where task_id is not null;
create index event_parent on log.event (parent_id) where parent_id is not null;
create index event_actor on log.event (actor_id, (position >> 14)) where actor_id is not null;
create index event_person on log.event (person_id, (position >> 14)) where person_id is not null;
create index event_approver on log.event (approver_id, (position >> 14)) where approver_id is not null;
create index event_about on log.event (about_id, (position >> 14)) where about_id is not null;
-- What is rare, and asked for most: refusals, and whatever is no token.
create index event_refusal on log.event (tenant_id, (position >> 14)) where decision in ('d', 'f');
create index event_refusal_of_agent on log.event (agent_id, (position >> 14)) where decision in ('d', 'f');
create index event_reason on log.event (tenant_id, reason, (position >> 14)) where reason is not null;
create index event_type on log.event (tenant_id, type, (position >> 14)) where type <> 'token.issued';
create index event_other on log.event (tenant_id, (position >> 14)) where type <> 'token.issued';

-- Accounts that guards name in their reports: one leaf reports of many.
create table log.event_mention (
  position      bigint not null,
  account_id    uuid not null,
  tenant_id     uuid,
  primary key (account_id, position)
);
select mayfly.keep_tenants_apart('log.event_mention');

-- Which positions have a time within these ten seconds. Clocks may go back; what is asked by time is found all the same.
create table log.event_slot (
  slot          integer primary key,
  first         bigint not null,
  last          bigint not null
);

-- Up to which position the log is projected; gapless.
create table log.event_cursor (
  id            smallint primary key check (id = 1),
  position      bigint not null
);
insert into log.event_cursor values (1, 0);

create trigger event_append_only before update or delete or truncate on log.event
  for each statement execute function log.refuse_change();
create trigger event_append_only before update or delete or truncate on log.event_mention
  for each statement execute function log.refuse_change();
create trigger event_stays before delete or truncate on log.event_cursor
  for each statement execute function log.refuse_change();
create trigger event_grows before update on log.event_cursor
  for each row when (new.position < old.position) execute function log.refuse_change();
select mayfly.keep_tenants_apart('log.event');
grant select on log.event, log.event_mention, log.event_slot, log.event_cursor to mayfly_across;

-- Makes the partition that a position belongs to, four million positions each; harmless to call again.
create function log.ensure_event_partition(p_position bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_part bigint := p_position >> 22;
  v_name text := format('event_%s', lpad(v_part::text, 6, '0'));
begin
  if to_regclass('log.' || v_name) is not null then return; end if;
  execute format('create table log.%I partition of log.event for values from (%s) to (%s)', v_name, v_part << 22, (v_part + 1) << 22);
  execute format('create trigger event_append_only before update or delete or truncate on log.%I
    for each statement execute function log.refuse_change()', v_name);
  perform mayfly.keep_tenants_apart(('log.' || v_name)::regclass);
  execute format('grant select on log.%I to mayfly_across', v_name);
end $$;
select log.ensure_event_partition(0);

-- The uuid inside `crd_…`, or the uuid itself; null for anything else. No regular expression: one costs more than all the rest of a row.
create function log.uuid_in(p_text text) returns uuid language plpgsql stable strict parallel safe as $$
declare
  v_id text := case when p_text like '%\_%' then split_part(p_text, '_', 2) else p_text end;
begin
  return case when pg_input_is_valid(v_id, 'uuid') then v_id::uuid end;
end $$;

-- Most leaves are of tokens, and all of these alike, byte for byte: `_` stands for what differs. Where a leaf is of this form, what it says is
-- cut out of it, at a tenth of what reading its JSON costs; every other leaf is read as JSON.
create function log.form_of_token() returns text language sql immutable parallel safe as $$
  select '{"account":"' || repeat('_', 36) || '","agent":"' || repeat('_', 36) || '","body_hash":"' || repeat('_', 43)
    || '","claims_hash":"' || repeat('_', 43) || '","id":"' || repeat('_', 36) || '","private_hash":"' || repeat('_', 43)
    || '","salt":"' || repeat('_', 22) || '","tenant":"' || repeat('_', 36) || '","time":' || repeat('_', 13)
    || ',"token":"at_' || repeat('_', 32) || '","type":"token.issued","v":1}'
$$;
-- So many bytes behind a place in such a leaf. Bytes, since a text is walked through from its beginning.
create function log.cut(p_leaf bytea, p_behind text, p_length integer) returns text language sql immutable parallel safe as $$
  select encode(substr(p_leaf, strpos(log.form_of_token(), p_behind) + length(p_behind), p_length), 'escape')
$$;

-- jsonb does not take U+0000 and half a surrogate pair, which some caller of ours may have sent. Nothing that somebody wrote may stop the
-- projection, or keep an entry out of it: then no escape is read as one. Every backslash that stays before a slash or a u is still JSON.
create function log.json_of(p_text text) returns jsonb language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return p_text::jsonb;
exception when others then
  begin
    return replace(p_text, '\u', '/u')::jsonb;
  exception when others then return null;
  end;
end $$;

-- As the catalogue of events has it (core/audit/catalogue); a test holds one against the other. What a guard reports is a refusal where it
-- refused anything.
create function log.decision_of(p_type text, p_body jsonb) returns "char" language sql immutable parallel safe as $$
  select (case
    when p_type in ('token.issued', 'token.consumed', 'account.opened', 'account.claimed', 'account.reinstated', 'certificate.issued',
      'session.opened', 'change.approved', 'change.break_glass', 'attachment.created', 'attachment.rotated', 'audit.read',
      'audit.exported', 'audit_stream.opened') then 'a'
    when p_type = 'decisions.reported' then case when p_body->>'denied' = '0' then 'a' else 'd' end
    when p_type ~ '([._]refused|\.denied|\.rejected)$' then 'd'
    when p_type = 'change.proposed' or p_type ~ '\.deferred$' then 'f'
  end)::"char"
$$;

-- Projects the next entries. Rows and cursor are one commit, so each leaf gets one row, however often and by however many this is called.
-- Returns how many there were; 0: none are left, or another is at it.
create function log.project_events(p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on as $$
declare
  v_from bigint;
  v_to bigint;
begin
  select c.position into v_from from log.event_cursor c where c.id = 1 for update skip locked;
  if not found then return 0; end if;
  select least(h.size, v_from + greatest(p_limit, 1), ((v_from >> 22) + 1) << 22) into v_to from log.head h where h.id = 1;
  if v_to <= v_from then return 0; end if;
  -- Rows and cursor are lost together or not at all, and are made anew: nobody need wait for the disk. To be called in a transaction of its
  -- own, therefore: this is for the whole of it.
  perform set_config('synchronous_commit', 'off', true);
  perform log.ensure_event_partition(v_from);

  -- Of a token the leaf says all that is asked for: nothing in its body is, and it is always kept as class 1.
  with read as materialized (
    select l.position,
           case when l.token is null then (l.leaf->>'account')::uuid else log.cut(l.token, '"account":"', 36)::uuid end as account,
           case when l.token is null then (l.leaf->>'agent')::uuid else log.cut(l.token, '"agent":"', 36)::uuid end as agent,
           case when l.token is null then (l.leaf->>'tenant')::uuid else log.cut(l.token, '"tenant":"', 36)::uuid end as tenant,
           case when l.token is null then (l.leaf->>'time')::float8 else log.cut(l.token, '"time":', 13)::float8 end / 1000 as time,
           case when l.token is null then log.uuid_in(l.leaf->>'token') else log.cut(l.token, '"token":"at_', 32)::uuid end as token,
           case when l.token is null then l.leaf->>'type' else 'token.issued' end as type
      from (select f.position, f.token, case when f.token is null then f.leaf::jsonb end as leaf
              from (select e.position, e.leaf, case when octet_length(e.leaf) = octet_length(log.form_of_token()) and e.leaf like log.form_of_token()
                        then convert_to(e.leaf, 'UTF8') end as token
                      from log.entry e where e.position >= v_from and e.position < v_to offset 0) f offset 0) l
  ), told as materialized (
    select b.position, b.retention, case when b.body like '%\\u%' then log.json_of(b.body) else nullif(b.body, '')::jsonb end as body
      from log.body b where b.position = any(array(select r.position from read r where r.type <> 'token.issued'))
  ), mentioned as (
    insert into log.event_mention (position, account_id, tenant_id)
      select distinct r.position, log.uuid_in(d.account_id), r.tenant
        from read r join told t on t.position = r.position,
             jsonb_to_recordset(case jsonb_typeof(t.body->'decisions') when 'array' then t.body->'decisions' end) d(account_id text)
       where r.type = 'decisions.reported' and log.uuid_in(d.account_id) is not null
  ), timed as (
    insert into log.event_slot as s (slot, first, last)
      select floor(r.time / 10)::integer, min(r.position), max(r.position) from read r group by 1
      on conflict (slot) do update set first = least(s.first, excluded.first), last = greatest(s.last, excluded.last)
  )
  insert into log.event (position, at, account_id, token_id, tenant_id, agent_id, retention, decision, type, reason, task_id, parent_id,
      root_id, actor_id, person_id, approver_id, about_id)
    select r.position, to_timestamp(r.time), r.account, r.token, r.tenant, r.agent, 1, 'a', r.type, null, null, null, null, null, null, null, null
      from read r where r.type = 'token.issued'
    union all
    select r.position, to_timestamp(r.time), r.account, r.token, r.tenant, r.agent, t.retention, log.decision_of(r.type, t.body), r.type,
           left(coalesce(t.body->>'reason', t.body->>'why', t.body->>'code'), 64),
           case when r.type = 'account.opened' then (select a.task_key from mayfly.account a where a.id = r.account) end,
           case when r.type = 'account.opened' then log.uuid_in(t.body->>'parent') end,
           case when r.type = 'account.opened' then log.uuid_in(t.body->>'root') end,
           log.uuid_in(t.body->>'actor'), log.uuid_in(t.body->>'actor_person'),
           coalesce(log.uuid_in(t.body->>'approved_by_person'),
             case when r.type in ('change.approved', 'change.break_glass') then log.uuid_in(t.body->>'actor_person') end),
           case when r.type <> 'token.denied' then coalesce(
             case when r.type like 'change.%' then log.uuid_in(t.body->>'change') end,
             log.uuid_in(t.body->>'credential'), log.uuid_in(t.body->>'join_token'), log.uuid_in(t.body->>'attachment'),
             log.uuid_in(t.body->>'connector'), log.uuid_in(t.body->>'webhook'), log.uuid_in(t.body->>'receiver'),
             log.uuid_in(t.body->>'stream'), log.uuid_in(t.body->>'provider'), log.uuid_in(t.body->>'person'),
             log.uuid_in(t.body->>'trust_source'), log.uuid_in(t.body->>'resource'), log.uuid_in(t.body->>'revocation'),
             log.uuid_in(t.body->>'change')) end
      from read r left join told t on t.position = r.position where r.type <> 'token.issued'
    order by 1;

  update log.event_cursor c set position = v_to where c.id = 1;
  return v_to - v_from;
end $$;

revoke all on function log.ensure_event_partition, log.uuid_in, log.form_of_token, log.cut, log.json_of, log.decision_of, log.project_events from public;
grant execute on function log.project_events to mayfly_app;

set local role mayfly_across;

-- How far the projection has come, and the log.
create function across.projected(out "position" bigint, out size bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select c.position, h.size into strict "position", size from log.event_cursor c, log.head h where c.id = 1 and h.id = 1;
end $$;

-- The positions between which everything with a time from p_from up to and with p_to stands; p_from null: the first. Empty: last < first.
create function across.positions_between(p_from timestamptz, p_to timestamptz, out first bigint, out last bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select coalesce(min(s.first), 0), coalesce(max(s.last), -1) into first, last from log.event_slot s
   where s.slot >= coalesce(floor(extract(epoch from p_from) / 10), 0)::bigint
     and s.slot <= coalesce(floor(extract(epoch from p_to) / 10), 2147483647)::bigint;
end $$;

-- The positions between which a token was issued, if it was: its id and the leaf that says so are made in the same millisecond.
create function across.positions_of_issue(p_token uuid, out first bigint, out last bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz := to_timestamp(('x' || left(replace(p_token::text, '-', ''), 12))::bit(48)::bigint::float8 / 1000);
begin
  select p.first, p.last into first, last from across.positions_between(v_at, v_at) p;
end $$;

-- A filter as a condition on log.event. Every value goes through its type and is quoted. p_tenant null: of all tenants.
-- Members: accounts, tasks, types, prefixes, decisions (arrays); agent, token, actor, person, approver, about (uuid); without (a type that
-- the event's account has no event of), reason, reason_prefix (text); from, before (milliseconds since the epoch).
create function across.event_condition(p_tenant uuid, p_filter jsonb) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v text := 'true';
  v_name text;
  v_types text[] := array(select jsonb_array_elements_text(p_filter->'types'));
  v_prefixes text[] := array(select jsonb_array_elements_text(p_filter->'prefixes'));
begin
  if p_tenant is not null then v := format('e.tenant_id = %L', p_tenant); end if;
  foreach v_name in array array['agent', 'actor', 'person', 'approver', 'about'] loop
    if p_filter ? v_name then v := v || format(' and e.%I = %L', v_name || '_id', (p_filter->>v_name)::uuid); end if;
  end loop;
  if p_filter ? 'token' then
    v := v || (select format(' and e.token_id = %L and (e.type <> ''token.issued'' or e.position between %s and %s)', (p_filter->>'token')::uuid, i.first, i.last)
      from across.positions_of_issue((p_filter->>'token')::uuid) i);
  end if;
  if p_filter ? 'tasks' then
    v := v || format(' and e.task_id = any(%L)', array(select jsonb_array_elements_text(p_filter->'tasks'))::uuid[]);
  end if;
  if p_filter ? 'decisions' then
    v := v || format(' and e.decision = any(%L::"char"[])', array(select jsonb_array_elements_text(p_filter->'decisions')));
  end if;
  if cardinality(v_types) = 1 and v_prefixes = '{}' then v := v || format(' and e.type = %L', v_types[1]);
  elsif v_types || v_prefixes <> '{}' then
    v := v || format(' and (e.type = any(%L) or exists (select from unnest(%L::text[]) p where starts_with(e.type, p)))', v_types, v_prefixes);
  end if;
  -- The limit keeps the planner from reading all events of that type first.
  if p_filter ? 'without' then
    v := v || format(' and e.account_id is not null and (select true from log.event o where o.account_id = e.account_id and o.type = %L
      and o.tenant_id is not distinct from e.tenant_id limit 1) is null', p_filter->>'without');
  end if;
  if p_filter ? 'reason' then v := v || format(' and e.reason = %L', p_filter->>'reason'); end if;
  if p_filter ? 'reason_prefix' then v := v || format(' and starts_with(e.reason, %L)', p_filter->>'reason_prefix'); end if;
  if p_filter ? 'from' then v := v || format(' and e.at >= to_timestamp(%L::float8 / 1000)', (p_filter->>'from')::float8); end if;
  if p_filter ? 'before' then v := v || format(' and e.at < to_timestamp(%L::float8 / 1000)', (p_filter->>'before')::float8); end if;
  return v;
end $$;

-- Events that a filter lets through with p_first <= position <= p_last, in order of positions, p_ascending or the newest first; at most
-- p_limit. After p_budget_ms it stops where it is: then, and only then, the last row is the position that was looked at last, without a leaf.
--
-- The one index that leads to the fewest is chosen here and not by the planner: it would guess, and a page must never read the log.
create function across.find_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint, p_ascending boolean, p_limit integer, p_budget_ms integer)
  returns table ("position" bigint, leaf text, body text, retention smallint, decision text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off set enable_bitmapscan = off set jit = off as $$
declare
  v_where text := across.event_condition(p_tenant, p_filter);
  v_down text := case when p_ascending then '' else ' desc' end;
  v_until timestamptz := clock_timestamp() + p_budget_ms * interval '1 ms';
  v_part bigint;
  v_bounds text;
  v_block text;
  v_drive text;
  v_order text;
  v_seen integer := 0;
  v record;
begin
  p_last := least(p_last, (select c.position - 1 from log.event_cursor c where c.id = 1));
  if p_last < p_first or p_limit < 1 then return; end if;
  v_part := (case when p_ascending then p_first else p_last end) >> 22;
  v_bounds := format('e.position between %s and %s', p_first, p_last);
  v_block := format('(e.position >> 14) between %s and %s', p_first >> 14, p_last >> 14);
  v_order := format(' order by (e.position >> 14)%1$s, e.position%1$s', v_down);
  case
    when p_filter ? 'token' or p_filter ? 'tasks' or p_filter ? 'accounts' then
      v_order := format(' order by e.position%s', v_down);
      set local enable_sort = on;
    when p_filter ? 'approver' then v_drive := format('e.approver_id = %L', (p_filter->>'approver')::uuid);
    when p_filter ? 'about' then v_drive := format('e.about_id = %L', (p_filter->>'about')::uuid);
    when p_filter ? 'person' then v_drive := format('e.person_id = %L', (p_filter->>'person')::uuid);
    when p_filter ? 'actor' then v_drive := format('e.actor_id = %L', (p_filter->>'actor')::uuid);
    when p_filter ? 'agent' and not p_filter->'decisions' ? 'a' then
      v_drive := format('e.agent_id = %L and e.decision in (''d'', ''f'')', (p_filter->>'agent')::uuid);
    when p_filter ? 'agent' then v_drive := format('e.agent_id = %L', (p_filter->>'agent')::uuid);
    when p_tenant is null then v_order := format(' order by e.position%s', v_down); v_block := 'true';
    when p_filter ? 'reason' then v_drive := format('e.tenant_id = %L and e.reason = %L', p_tenant, p_filter->>'reason');
    when not p_filter->'decisions' ? 'a' then v_drive := format('e.tenant_id = %L and e.decision in (''d'', ''f'')', p_tenant);
    when jsonb_array_length(p_filter->'types') = 1 and not p_filter ? 'prefixes' and p_filter->'types'->>0 <> 'token.issued' then
      v_drive := format('e.tenant_id = %L and e.type = %L and e.type <> ''token.issued''', p_tenant, p_filter->'types'->>0);
    when (p_filter ? 'types' or p_filter ? 'prefixes') and not coalesce(p_filter->'types' ? 'token.issued', false)
      and not exists (select from jsonb_array_elements_text(p_filter->'prefixes') p where starts_with('token.issued', p)) then
      v_drive := format('e.tenant_id = %L and e.type <> ''token.issued''', p_tenant);
    else v_drive := format('e.tenant_id = %L', p_tenant);
  end case;

  while v_part between p_first >> 22 and p_last >> 22 loop
    if to_regclass(format('log.event_%s', lpad(v_part::text, 6, '0'))) is not null then
      for v in execute across.event_query(format('log.event_%s', lpad(v_part::text, 6, '0')), p_filter, v_where, v_drive, v_block, v_bounds, v_order, p_limit)
      loop
        v_seen := v_seen + 1;
        if v.hit then
          select n.leaf into leaf from log.entry n where n.position = v.pos;
          select b.body into body from log.body b where b.position = v.pos and b.at between v.at - interval '1 hour' and v.at + interval '1 hour';
          "position" := v.pos; retention := v.retention; decision := v.decision; reason := v.reason;
          return next;
          p_limit := p_limit - 1;
          if p_limit = 0 then return; end if;
        end if;
        if v_seen % 128 = 0 and clock_timestamp() > v_until then
          "position" := v.pos; leaf := null; body := null;
          return next;
          return;
        end if;
      end loop;
    end if;
    v_part := v_part + case when p_ascending then 1 else -1 end;
  end loop;
end $$;

-- The query of one partition. What leads by an order of its own is read as it comes and each row judged; what leads to few is judged at once.
create function across.event_query(p_table text, p_filter jsonb, p_where text, p_drive text, p_block text, p_bounds text, p_order text, p_limit integer)
  returns text language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_columns text := 'e.position as pos, e.at, e.retention, e.decision::text as decision, e.reason';
  v_accounts text;
begin
  if p_filter ? 'accounts' then
    v_accounts := quote_literal(array(select jsonb_array_elements_text(p_filter->'accounts'))::uuid[]);
    return format('select q.*, true as hit from ((select %1$s from %2$s e where e.account_id = any(%3$s) and %4$s and %5$s %6$s limit %7$s)
        union (select %1$s from log.event_mention m join %2$s e on e.position = m.position where m.account_id = any(%3$s)
          and %8$s and %4$s and %5$s %6$s limit %7$s)) q %9$s',
      v_columns, p_table, v_accounts, p_where, p_bounds, p_order, p_limit, replace(p_bounds, 'e.position', 'm.position'), replace(p_order, 'e.position', 'q.pos'));
  elsif p_drive is null and p_filter ? 'token' then
    return (select format('select q.*, true as hit from ((select %1$s from %2$s e where %3$s and %4$s and e.type <> ''token.issued'')
        union all (select %1$s from %2$s e where %3$s and %4$s and e.type = ''token.issued'' and e.position between %5$s and %6$s
          and (e.position >> 14) between %7$s and %8$s)) q %9$s limit %10$s',
      v_columns, p_table, p_where, p_bounds, i.first, i.last, i.first >> 14, i.last >> 14, replace(p_order, 'e.position', 'q.pos'), p_limit)
      from across.positions_of_issue((p_filter->>'token')::uuid) i);
  elsif p_drive is null and p_filter ? 'tasks' then
    return format('select %s, true as hit from %s e where %s and %s%s limit %s', v_columns, p_table, p_where, p_bounds, p_order, p_limit);
  end if;
  return format('select %s, coalesce(%s, false) as hit from %s e where %s and %s and %s%s',
    v_columns, p_where, p_table, coalesce(p_drive, 'true'), p_block, p_bounds, p_order);
end $$;

-- How many there are, exactly.
create function across.count_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on set jit = off as $$
declare
  v_count bigint;
  v_accounts text := case when p_filter ? 'accounts'
    then quote_literal(array(select jsonb_array_elements_text(p_filter->'accounts'))::uuid[]) end;
begin
  execute format('select count(*) from log.event e where %s and e.position between %s and %s%s', across.event_condition(p_tenant, p_filter),
    p_first, p_last, case when v_accounts is not null then format(' and (e.account_id = any(%1$s) or e.type = ''decisions.reported'' and exists (
      select from log.event_mention m where m.position = e.position and m.account_id = any(%1$s)))', v_accounts) else '' end) into v_count;
  return v_count;
end $$;

-- The position of an event by its id, whose first bits are the leaf's time. Null: none, or none of that tenant.
create function across.find_event_position(p_tenant uuid, p_id uuid) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_at timestamptz := to_timestamp(('x' || left(replace(p_id::text, '-', ''), 12))::bit(48)::bigint::float8 / 1000);
  v_first bigint;
  v_last bigint;
begin
  select p.first, p.last into v_first, v_last from across.positions_between(v_at, v_at) p;
  return (select e.position from log.event e join log.entry n on n.position = e.position
    where e.position between v_first and v_last and e.at = v_at and (p_tenant is null or e.tenant_id = p_tenant)
      and strpos(n.leaf, format('"id":"%s"', p_id)) > 0 limit 1);
end $$;

-- One event; null p_tenant: of whichever tenant.
create function across.read_event(p_tenant uuid, p_position bigint)
  returns table ("position" bigint, leaf text, body text, retention smallint, decision text, reason text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  return query select e.position, n.leaf, b.body, e.retention, e.decision::text, e.reason
    from log.event e join log.entry n on n.position = e.position
    left join log.body b on b.position = e.position and b.at between e.at - interval '1 hour' and e.at + interval '1 hour'
   where e.position = p_position and (p_tenant is null or e.tenant_id = p_tenant);
end $$;

-- An account with its ancestors (up: 1, 2, …) and all below it (down: 1, 2, …), from their openings and ends; at most p_limit. Also long after
-- they were collected.
create function across.account_family(p_tenant uuid, p_account uuid, p_limit integer)
  returns table (account_id uuid, distance integer, parent_id uuid, agent_id uuid, opened_at timestamptz, ended_at timestamptz, ended_by text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  return query
    with recursive up(id, parent, distance) as (
      select e.account_id, e.parent_id, 0 from log.event e
       where e.account_id = p_account and e.tenant_id = p_tenant and e.type = 'account.opened'
      union all
      select e.account_id, e.parent_id, u.distance - 1 from up u join log.event e on e.account_id = u.parent and e.type = 'account.opened'
       where e.tenant_id = p_tenant and u.distance > -16
    ), down(id, distance) as (
      select p_account, 0
      union all
      select e.account_id, d.distance + 1 from down d join log.event e on e.parent_id = d.id
       where e.tenant_id = p_tenant and d.distance < 16
    ), family(id, distance) as (
      select u.id, u.distance from up u where u.distance < 0
      union all
      (select d.id, d.distance from down d order by d.distance limit p_limit)
    )
    select f.id, f.distance, o.parent_id, o.agent_id, o.at, x.at, x.type
      from family f
      left join lateral (select e.parent_id, e.agent_id, e.at from log.event e
         where e.account_id = f.id and e.tenant_id = p_tenant and e.type = 'account.opened' limit 1) o on true
      left join lateral (select e.at, e.type from log.event e where e.account_id = f.id and e.tenant_id = p_tenant
         and e.type in ('account.completed', 'account.expired', 'account.revoked', 'account.closed') order by e.position limit 1) x on true
     order by f.distance, f.id;
end $$;

-- Agents that a tenant ever had.
create function across.agents_ever(p_tenant uuid) returns setof uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query select distinct e.agent_id from log.event e
    where e.tenant_id = p_tenant and e.type = 'agent.created' and e.type <> 'token.issued' and e.agent_id is not null;
end $$;
