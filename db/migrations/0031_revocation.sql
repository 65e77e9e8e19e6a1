-- The feed of what is worth nothing any more: one gapless sequence per tenant (docs/decisions/0028-revocation-feed.md).
--
-- A row is written in the transaction that revokes, with the log's head held: so epochs become visible in their order, and whoever reads
-- up to an epoch has read all of it. What ends by itself at its deadline is not written: no token outlives it.

set local role mayfly_owner;

-- How far a tenant's feed has come. An epoch means something only within its shard, which changes when a backup is restored.
create table mayfly.feed (
  tenant_id     uuid primary key references mayfly.tenant,
  shard         uuid not null default gen_random_uuid(),
  epoch         bigint not null default 0
) with (fillfactor = 50);
select mayfly.keep_tenants_apart('mayfly.feed');

-- It is there as soon as its tenant is, so that it has one shard from the beginning. Whoever makes a tenant is not in it yet.
create function mayfly.begin_feed() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into mayfly.feed (tenant_id) values (new.id);
  return null;
end $$;
revoke all on function mayfly.begin_feed from public;
create policy begin on mayfly.feed for insert to mayfly_app with check (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000');
grant insert (tenant_id) on mayfly.feed to mayfly_app;
create trigger tenant_feed after insert on mayfly.tenant for each row execute function mayfly.begin_feed();

create table mayfly.revocation (
  tenant_id     uuid not null,
  epoch         bigint not null,
  -- One revocation may have many rows.
  id            uuid not null,
  at            timestamptz not null,
  -- a account, x account with its descendants, j token, c agent, k key, t tenant: `core/revocation/entry.ts`
  kind          text not null check (kind in ('a', 'x', 'j', 'c', 'k', 't')),
  -- What a token's claim says, and the first 16 bytes of its SHA-256.
  subject       text not null,
  match         bytea not null,
  -- The least generation (a, x) or config epoch (c, t) that is still good; null: none is.
  least         bigint,
  -- When the last token that it could be about has ended.
  until         timestamptz not null,
  cause         text not null,
  actor         jsonb,
  primary key (tenant_id, epoch)
);
create index revocation_match on mayfly.revocation (tenant_id, kind, match);
create index revocation_until on mayfly.revocation (tenant_id, until);
create index revocation_id on mayfly.revocation (id);
select mayfly.keep_tenants_apart('mayfly.revocation');

-- No token of a tenant lives longer, whatever its agents' registrations say now.
alter table mayfly.tenant add column longest_token_seconds integer not null default 300;
create function mayfly.raise_longest_token() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update mayfly.tenant set longest_token_seconds = (new.settings->>'token_ttl_seconds')::integer
   where id = new.tenant_id and longest_token_seconds < (new.settings->>'token_ttl_seconds')::integer;
  return null;
end $$;
create trigger agent_longest_token after insert or update of settings on mayfly.agent
  for each row execute function mayfly.raise_longest_token();

grant select on mayfly.feed, mayfly.revocation to mayfly_app;
grant select, update on mayfly.feed to mayfly_log;
grant insert on mayfly.revocation to mayfly_log;
grant select on mayfly.feed to mayfly_across;
grant select, delete on mayfly.revocation to mayfly_across;

set local role mayfly_log;

create function log.match_of(p_text text) returns bytea
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select substring(sha256(convert_to(p_text, 'UTF8')) for 16);
$$;

create function log.wire_id(p_prefix text, p_id uuid) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select p_prefix || '_' || replace(p_id::text, '-', '');
$$;

-- Numbers and writes entries, and tells who listens. The head must be held.
-- p_entries: [{n, tenant, id, kind, subject, least, until (seconds), cause, actor}], in the order of n.
-- Returns what it has written: [{tenant, shard, from, to, entries: [{epoch, kind, match, least, until}]}], match in base64.
create function log.publish(p_entries jsonb, p_now timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
  v_published jsonb := '[]';
  v_tenants int := (select count(distinct r.tenant) from jsonb_to_recordset(p_entries) r(tenant uuid));
begin
  for v in
    update mayfly.feed f set epoch = f.epoch + e.count
      from (select r.tenant, count(*) as count from jsonb_to_recordset(p_entries) r(tenant uuid) group by r.tenant) e
     where f.tenant_id = e.tenant returning f.tenant_id, f.shard, f.epoch, e.count
  loop
    with row as materialized (
      select e.tenant, v.epoch - v.count + row_number() over (order by e.n) as epoch, e.id, e.kind, e.subject, log.match_of(e.subject) as match,
             e.least, e.until, e.cause, e.actor
        from jsonb_to_recordset(p_entries) e(n int, tenant uuid, id uuid, kind text, subject text, least bigint, until double precision,
          cause text, actor jsonb)
       where e.tenant = v.tenant_id
    ), written as (
      insert into mayfly.revocation (tenant_id, epoch, id, at, kind, subject, match, least, until, cause, actor)
        select r.tenant, r.epoch, r.id, p_now, r.kind, r.subject, r.match, r.least, to_timestamp(r.until), r.cause, r.actor from row r
    )
    select v_published || jsonb_build_object('tenant', v.tenant_id, 'shard', v.shard, 'from', v.epoch - v.count + 1, 'to', v.epoch, 'entries',
        jsonb_agg(jsonb_build_object('epoch', r.epoch, 'kind', r.kind, 'match', encode(r.match, 'base64'), 'least', r.least, 'until', r.until)
          order by r.epoch))
      into v_published from row r;
    perform pg_notify('mayfly_feed', v.tenant_id || ' ' || v.epoch);
    v_tenants := v_tenants - 1;
  end loop;
  -- What nobody is told of must not count as revoked.
  if v_tenants <> 0 then raise exception 'log.publish: % tenants without a feed', v_tenants; end if;
  return v_published;
end $$;

-- When the last token that can be out has ended; guards' clocks may differ a little.
create function log.end_of_tokens(p_tenant uuid, p_deadline timestamptz, p_now timestamptz) returns double precision
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (select ceil(extract(epoch from least(p_deadline, p_now + make_interval(secs => t.longest_token_seconds))))::float8 + 10
    from mayfly.tenant t where t.id = p_tenant);
end $$;

-- What changes of accounts revoke, after they were made. A root with descendants is one entry; below it each account has its own.
-- Whose ancestors are over was said with them.
-- Returns what was published; null: nothing.
create function log.publish_transitions(p_outcomes smallint[], p_changes jsonb, p_now timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_entries jsonb;
begin
  with changed as (
    select c.n, a.id, a.tenant_id, a.root_id, a.generation, a.deadline, coalesce(c.revocation, gen_random_uuid()) as revocation,
           c.transition, c.by
      from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text, revocation uuid, by jsonb)
      join mayfly.account a on a.id = c.id
     where p_outcomes[c.n] = 0 and c.transition in ('complete', 'revoke', 'close', 'claim', 'suspend', 'narrow')
       and (a.root_id is null or log.ancestors_live(a.id, p_now))
  ), entry as (
    select 0 as place, c.*, case when d.descendants then 'x' else 'a' end as kind,
           case when d.descendants then log.wire_id('txn', c.id) else log.wire_id('acct', c.id) end as subject, c.generation as least, c.deadline as ends
      from changed c, lateral (select c.root_id is null and exists (select from mayfly.lineage l where l.root_id = c.id) as descendants) d
    union all
    select 1, c.*, 'a', log.wire_id('acct', d.id), d.generation + 1, d.deadline
      from changed c join mayfly.lineage l on l.root_id = c.root_id and c.id = any(l.ancestors) join mayfly.account d on d.id = l.account_id
     where c.root_id is not null and (d.state = 'a' or d.id in (select o.id from jsonb_to_recordset(p_changes) o(id uuid)))
  )
  select jsonb_agg(jsonb_build_object('n', e.nth, 'tenant', e.tenant_id, 'id', e.revocation, 'kind', e.kind, 'subject', e.subject,
      'least', e.least, 'until', log.end_of_tokens(e.tenant_id, e.ends, p_now), 'cause', e.transition, 'actor', e.by))
    into v_entries
    from (select row_number() over (order by o.n, o.place, o.subject) as nth, o.tenant_id, o.revocation, o.kind, o.subject, o.least, o.ends,
            o.transition, o.by from entry o) e;
  return case when v_entries is not null then log.publish(v_entries, p_now) end;
end $$;

-- For every other transaction, as log.pending is for leaves: a row written here is numbered when the transaction commits.
create table log.pending_revocation (
  place         bigint generated always as identity primary key,
  tenant_id     uuid not null,
  id            uuid not null,
  kind          text not null,
  subject       text not null,
  -- Null, of an agent or a tenant: the config epoch that this transaction leaves.
  least         bigint,
  -- When the last token that it could be about has ended; null: whenever the last of the tenant has. Of a key: when the last verifier
  -- has forgotten it, however long that is after the last token of ours, since whoever has stolen it writes any end into theirs.
  until         timestamptz,
  cause         text not null,
  actor         jsonb
);
-- The first row of a transaction takes all others along: nobody sees rows that are not committed but who wrote them, and none is ever
-- committed. One by one, the rows of a trust source with some thousand agents held the head for seconds.
create function log.publish_pending() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz;
  v_rows jsonb;
begin
  if not exists (select from log.pending_revocation p where p.place = new.place) then return null; end if;
  with gone as (delete from log.pending_revocation p where p.place >= new.place returning p.*)
  select jsonb_agg(to_jsonb(g) order by g.place) into v_rows from gone g;
  perform from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  perform log.publish((
    select jsonb_agg(jsonb_build_object('n', r.n, 'tenant', r.tenant_id, 'id', r.id, 'kind', r.kind, 'subject', r.subject,
        'least', case when r.least is null and r.kind in ('c', 't') then t.config_epoch else r.least end,
        'until', case when r.kind = 'k' and r.until is not null then ceil(extract(epoch from r.until))
          else log.end_of_tokens(r.tenant_id, coalesce(r.until, 'infinity'), v_now) end,
        'cause', r.cause, 'actor', r.actor))
      from rows from (jsonb_to_recordset(v_rows) as (tenant_id uuid, id uuid, kind text, subject text, least bigint, until timestamptz,
        cause text, actor jsonb)) with ordinality r(tenant_id, id, kind, subject, least, until, cause, actor, n)
      left join mayfly.tenant t on t.id = r.tenant_id), v_now);
  return null;
end $$;
create constraint trigger pending_revocation_at_commit after insert on log.pending_revocation
  deferrable initially deferred for each row execute function log.publish_pending();
alter table log.pending_revocation enable row level security, force row level security;
create policy append on log.pending_revocation for insert to mayfly_app with check (tenant_id = mayfly.tenant_in_force());
create policy move on log.pending_revocation to mayfly_log using (true) with check (true);
grant insert (tenant_id, id, kind, subject, least, until, cause, actor) on log.pending_revocation to mayfly_app;
revoke all on function log.match_of, log.wire_id, log.publish, log.end_of_tokens, log.publish_transitions, log.publish_pending from public;
grant execute on function log.match_of to mayfly_app, mayfly_across;

set local role mayfly_across;

-- How far these tenants' feeds have come, and the clock that goes with it. Never answered by a server that follows another one: what
-- it has not heard of yet would be called good.
create function across.feed_heads(p_tenants uuid[]) returns table (tenant_id uuid, shard uuid, epoch bigint, database_ms double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if pg_is_in_recovery() then
    raise exception 'across.feed_heads: this server is a standby' using errcode = 'read_only_sql_transaction';
  end if;
  return query select f.tenant_id, f.shard, f.epoch, extract(epoch from clock_timestamp())::float8 * 1000
    from unnest(p_tenants) k(id) join mayfly.feed f on f.tenant_id = k.id;
end $$;
