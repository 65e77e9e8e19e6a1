set local role mayfly_owner;

-- What a tenant may use, where that is not what the deployment gives to all: `granted` by a platform-admin, `own` by the tenant
-- itself, which can only set less (core/quota/limits.ts).
create table mayfly.tenant_limits (
  tenant_id     uuid primary key references mayfly.tenant,
  granted       jsonb not null default '{}',
  own           jsonb not null default '{}',
  updated_at    timestamptz not null default clock_timestamp()
);
create trigger tenant_limits_epoch after insert or update or delete on mayfly.tenant_limits
  for each row execute function mayfly.raise_config_epoch();
grant select, insert, update on mayfly.tenant_limits to mayfly_app;

-- The one tenant that takes strangers, and the agent whose accounts they get.
create table mayfly.anonymous_opening (
  only_one      boolean primary key default true check (only_one),
  tenant_id     uuid not null references mayfly.tenant,
  agent_id      uuid not null references mayfly.agent on delete cascade
);
create trigger anonymous_opening_epoch after insert or update or delete on mayfly.anonymous_opening
  for each row execute function mayfly.raise_config_epoch();
grant select, insert, delete on mayfly.anonymous_opening to mayfly_app;

-- How many units of a limit were leased to processes. Written once for a block of units, never once for a token.
create table mayfly.quota (
  tenant_id     uuid not null,
  -- Tenant, agent or account; of an address a MAC over tenant and address.
  scope         uuid not null,
  -- o opens a window, t tokens a window, u units a window, T tokens of an account, U units of an account
  kind          "char" not null,
  used          bigint not null,
  -- End of the window; infinity where there is none.
  ends_at       timestamptz not null,
  primary key (scope, kind)
) with (fillfactor = 70);
create index quota_ends on mayfly.quota (ends_at);
grant select, insert, update on mayfly.quota to mayfly_across;

set local role mayfly_across;

-- Leases units of many limits in one round trip. Each row stays locked until the end, in one order for all, so what is given
-- out to everybody together is never more than the limit. The clock is read under the lock: a window that ended while we
-- waited is over.
create function across.lease_quota(
  p_tenants     uuid[],
  p_scopes      uuid[],
  p_kinds       text[],
  p_windows     integer[],  -- seconds; 0: no window
  p_limits      bigint[],
  p_least       bigint[],   -- units that are waited for
  p_wanted      bigint[],   -- units if there is plenty
  p_given_back  bigint[],
  p_openings    bigint[]    -- units that are out before anybody leases
) returns table (n integer, granted bigint, used bigint, ends_ms double precision, at_ms double precision)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v record;
  v_at double precision;
  v_ends timestamptz;
  v_row mayfly.quota;
begin
  for v in
    select q.* from unnest(p_tenants, p_scopes, p_kinds, p_windows, p_limits, p_least, p_wanted, p_given_back, p_openings)
      with ordinality q(tenant, scope, kind, seconds, most, least, wanted, given_back, opening, n) order by q.scope, q.kind, q.n
  loop
    insert into mayfly.quota as q (tenant_id, scope, kind, used, ends_at)
      values (v.tenant, v.scope, v.kind::"char", least(v.opening, v.most), case when v.seconds = 0 then 'infinity' else '-infinity' end::timestamptz)
      on conflict (scope, kind) do update set used = q.used returning q.* into strict v_row;
    v_at := extract(epoch from clock_timestamp());
    if v_row.ends_at <> 'infinity' and extract(epoch from v_row.ends_at) <= v_at then
      v_row.used := 0;
      v_row.ends_at := to_timestamp((floor(v_at / v.seconds) + 1) * v.seconds);
    end if;
    v_row.used := greatest(0, v_row.used - v.given_back);
    -- A quarter of what is left, and what is waited for in any case: near the limit nobody sits on much.
    granted := greatest(0, least(v.most - v_row.used, greatest(v.least, least(v.wanted, (v.most - v_row.used + 3) / 4))));
    update mayfly.quota q set used = v_row.used + granted, ends_at = v_row.ends_at where q.scope = v.scope and q.kind = v.kind::"char";
    n := v.n;
    used := v_row.used + granted;
    ends_ms := case when v_row.ends_at = 'infinity' then null else extract(epoch from v_row.ends_at) * 1000 end;
    at_ms := v_at * 1000;
    return next;
  end loop;
end $$;

set local role mayfly_owner;

-- What accounts used, folded from the log (db/quota/fold-usage.ts). Survives them.
create table mayfly.usage (
  tenant_id     uuid not null,
  day           date not null,
  -- Zero where an event names none.
  agent_id      uuid not null,
  account_id    uuid not null,
  opened        bigint not null default 0,
  tokens        bigint not null default 0,
  denials       bigint not null default 0,
  -- Requests that guards let pass and refused.
  calls_allowed bigint not null default 0,
  calls_refused bigint not null default 0,
  units         bigint not null default 0,
  primary key (tenant_id, day, agent_id, account_id)
);
create index usage_account on mayfly.usage (tenant_id, account_id);
grant select on mayfly.usage to mayfly_app;

-- Up to which position of the log usage was folded; gapless.
create table mayfly.usage_cursor (
  id            smallint primary key check (id = 1),
  position      bigint not null
);
insert into mayfly.usage_cursor values (1, 0);
grant select, insert, update on mayfly.usage to mayfly_across;
grant select, update on mayfly.usage_cursor to mayfly_across;
grant select on mayfly.account, mayfly.usage_cursor to mayfly_across;

set local role mayfly_log;
grant usage on schema log to mayfly_across;
grant select on log.head, log.entry, log.body to mayfly_across;

set local role mayfly_across;

-- What the next entries of the log say of use, added up. Counts and cursor are one commit, so each entry counts once, however often
-- and by however many workers this is called. Returns how many entries were read; 0: none are left, or another worker is at it.
create function across.fold_usage(p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on as $$
declare
  v_from bigint;
  v_to bigint;
begin
  select c.position into v_from from mayfly.usage_cursor c where c.id = 1 for update skip locked;
  if not found then return 0; end if;
  select least(h.size, v_from + p_limit) into v_to from log.head h where h.id = 1;
  if v_to = v_from then return 0; end if;
  insert into mayfly.usage as u (tenant_id, day, agent_id, account_id, opened, tokens, denials, calls_allowed, calls_refused, units)
    with events as materialized (
      select e.leaf::jsonb as leaf, nullif(b.body, '')::jsonb as body
        from log.entry e left join log.body b on b.position = e.position and b.position >= v_from and b.position < v_to
       where e.position >= v_from and e.position < v_to and e.leaf ~ '"type":"(account\.opened|token\.issued|token\.denied|decisions\.reported)"'
    ), named as (
      select (v.leaf->>'tenant')::uuid as tenant, (to_timestamp((v.leaf->>'time')::float8 / 1000) at time zone 'UTC')::date as day,
             v.leaf->>'type' as type, (v.leaf->>'agent')::uuid as agent, (v.leaf->>'account')::uuid as account, v.body
        from events v
    ), used as (
      select n.tenant, n.day, n.agent, n.account, (n.type = 'account.opened')::int as opened, (n.type = 'token.issued')::int as tokens,
             (n.type = 'token.denied')::int as denials, 0::bigint as allowed, 0::bigint as refused,
             coalesce((n.body->>'units')::bigint, 0) as units
        from named n where n.type <> 'decisions.reported'
      union all
      -- Guards are believed in what they say of accounts of their own tenant, and of no other.
      select n.tenant, n.day, coalesce(a.agent_id, u.agent_id), case when coalesce(a.agent_id, u.agent_id) is not null then d.account end,
             0, 0, 0, case d.outcome when 'allow' then d.count else 0 end, case d.outcome when 'deny' then d.count else 0 end, d.units
        from named n
        cross join lateral (
          select substr(r.account_id, 6)::uuid as account, r.outcome, coalesce(r.count, 1) as count, coalesce(r.units, 0) as units
            from jsonb_to_recordset(n.body->'decisions') r(account_id text, outcome text, count bigint, units bigint)
        ) d
        left join mayfly.account a on a.id = d.account and a.tenant_id = n.tenant
        left join lateral (
          select g.agent_id from mayfly.usage g
           where a.id is null and g.tenant_id = n.tenant and g.account_id = d.account limit 1
        ) u on true
       where n.type = 'decisions.reported'
    )
    select d.tenant, d.day, coalesce(d.agent, '00000000-0000-0000-0000-000000000000'), coalesce(d.account, '00000000-0000-0000-0000-000000000000'),
           sum(d.opened), sum(d.tokens), sum(d.denials), sum(d.allowed), sum(d.refused), sum(d.units)
      from used d where d.tenant is not null group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict (tenant_id, day, agent_id, account_id) do update set
      opened = u.opened + excluded.opened, tokens = u.tokens + excluded.tokens, denials = u.denials + excluded.denials,
      calls_allowed = u.calls_allowed + excluded.calls_allowed, calls_refused = u.calls_refused + excluded.calls_refused,
      units = u.units + excluded.units;
  update mayfly.usage_cursor c set position = v_to where c.id = 1;
  return v_to - v_from;
end $$;

-- Rows of windows that are over, and of accounts that are gone.
create function across.forget_quota(p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  delete from mayfly.quota q using (
    select o.scope, o.kind from mayfly.quota o
     where o.ends_at < clock_timestamp() - interval '10 minutes'
        or (o.ends_at = 'infinity' and not exists (select from mayfly.account a where a.id = o.scope)) limit p_limit
  ) d where q.scope = d.scope and q.kind = d.kind;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

set local role mayfly_owner;
grant delete on mayfly.quota to mayfly_across;

set local role mayfly_across;

-- What each tenant used, for who bills them.
create function across.usage_of_tenants(p_from date, p_to date, p_after uuid, p_limit integer)
  returns table (key uuid, opened bigint, tokens bigint, denials bigint, calls_allowed bigint, calls_refused bigint, units bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select u.tenant_id, sum(u.opened)::bigint, sum(u.tokens)::bigint, sum(u.denials)::bigint, sum(u.calls_allowed)::bigint,
           sum(u.calls_refused)::bigint, sum(u.units)::bigint
      from mayfly.usage u where u.day between p_from and p_to and (p_after is null or u.tenant_id > p_after)
     group by u.tenant_id order by u.tenant_id limit p_limit;
end $$;

set local role mayfly_owner;
