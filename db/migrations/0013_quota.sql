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

-- How many units of a limit were leased to processes. Written once for a block of units, never once for a token.
create table mayfly.quota (
  tenant_id     uuid not null,
  -- Tenant, agent or account; of an address a MAC over tenant and address.
  scope         uuid not null,
  -- o opens a window, t tokens a window, T tokens of an account, U units of an account
  kind          "char" not null,
  used          bigint not null,
  -- End of the window; infinity where there is none.
  ends_at       timestamptz not null,
  primary key (scope, kind)
) with (fillfactor = 70);
create index quota_ends on mayfly.quota (ends_at);
grant select, delete on mayfly.quota to mayfly_app;

-- Leases units of many limits in one round trip. Each row stays locked until the end, in one order for all, so what is given
-- out to everybody together is never more than the limit. The clock is read under the lock: a window that ended while we
-- waited is over.
create function mayfly.lease_quota(
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
      on conflict do nothing;
    select * into strict v_row from mayfly.quota q where q.scope = v.scope and q.kind = v.kind::"char" for update;
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
revoke all on function mayfly.lease_quota from public;
grant execute on function mayfly.lease_quota to mayfly_app;

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
grant select, insert, update on mayfly.usage to mayfly_app;

-- Up to which position of the log usage was folded; gapless.
create table mayfly.usage_cursor (
  id            smallint primary key check (id = 1),
  position      bigint not null
);
insert into mayfly.usage_cursor values (1, 0);
grant select, update on mayfly.usage_cursor to mayfly_app;
