-- Who reads a tenant's feed of revocations, and how far each has come: so that whoever revokes can see whom it has reached.

set local role mayfly_owner;

-- One process of a guard. It makes up its id when it starts.
create table mayfly.feed_receiver (
  tenant_id     uuid not null,
  id            uuid not null,
  resource_id   uuid not null,
  name          text not null,
  shard         uuid not null,
  epoch         bigint not null,
  first_seen_at timestamptz not null,
  seen_at       timestamptz not null,
  -- It said that it ends: nobody waits for it any more.
  gone          boolean not null default false,
  primary key (tenant_id, id)
) with (fillfactor = 70);
create index feed_receiver_resource on mayfly.feed_receiver (resource_id, seen_at);
select mayfly.keep_tenants_apart('mayfly.feed_receiver');

-- When a receiver said that it had come as far as an epoch, of the shard that stands with the receiver. They go with the revocations
-- that they are about.
create table mayfly.feed_acknowledgement (
  tenant_id     uuid not null,
  receiver_id   uuid not null,
  epoch         bigint not null,
  at            timestamptz not null,
  primary key (tenant_id, receiver_id, epoch)
);
create index feed_acknowledgement_epoch on mayfly.feed_acknowledgement (tenant_id, epoch);
select mayfly.keep_tenants_apart('mayfly.feed_acknowledgement');

grant select on mayfly.feed_receiver, mayfly.feed_acknowledgement to mayfly_app;
grant select, insert, update, delete on mayfly.feed_receiver, mayfly.feed_acknowledgement to mayfly_across;

set local role mayfly_across;

-- What came after an epoch and may still match a token, with the head that it is as of; without entries, one row of the head alone.
-- Never answered by a standby, as across.feed_heads.
create function across.feed_since(p_tenant uuid, p_epoch bigint) returns table (shard uuid, head bigint, database_ms double precision,
  epoch bigint, kind text, match bytea, "least" bigint, until double precision, at_ms double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if pg_is_in_recovery() then
    raise exception 'across.feed_since: this server is a standby' using errcode = 'read_only_sql_transaction';
  end if;
  return query select f.shard, f.epoch, extract(epoch from clock_timestamp())::float8 * 1000,
      r.epoch, r.kind, r.match, r.least, extract(epoch from r.until)::float8, extract(epoch from r.at)::float8 * 1000
    from mayfly.feed f
    left join mayfly.revocation r on r.tenant_id = f.tenant_id and r.epoch > p_epoch and r.until > clock_timestamp()
   where f.tenant_id = p_tenant order by r.epoch;
end $$;

-- Which of these have not ended.
create function across.live_credentials(p_ids uuid[]) returns table (id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select c.id from unnest(p_ids) k(id) join mayfly.credential c on c.id = k.id
    where c.used_at is null and c.expires_at > clock_timestamp();
end $$;

-- What receivers of many tenants have said, some of them several times. Nobody has come further than the feed has, nor speaks of a
-- shard that is over, nor for a receiver of another resource. A resource that makes up receivers without end has the 5,000 that were
-- heard of last: whoever revokes reads them all. p_ats: seconds.
create function across.note_receivers(p_tenants uuid[], p_ids uuid[], p_resources uuid[], p_names text[], p_shards uuid[], p_epochs bigint[],
  p_ats double precision[], p_gone boolean[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_given jsonb;
  v_grown uuid[];
begin
  select jsonb_agg(jsonb_build_object('tenant', g.tenant, 'id', g.id, 'resource', g.resource, 'name', g.name, 'shard', g.shard,
      'epoch', least(g.epoch, f.epoch), 'at', to_timestamp(g.at), 'gone', g.gone))
    into v_given
    from unnest(p_tenants, p_ids, p_resources, p_names, p_shards, p_epochs, p_ats, p_gone)
      g(tenant, id, resource, name, shard, epoch, at, gone)
    join mayfly.feed f on f.tenant_id = g.tenant and f.shard = g.shard;
  delete from mayfly.feed_acknowledgement a
   using jsonb_to_recordset(v_given) g(tenant uuid, id uuid, resource uuid, shard uuid)
    join mayfly.feed_receiver r on r.tenant_id = g.tenant and r.id = g.id and r.resource_id = g.resource and r.shard <> g.shard
   where a.tenant_id = r.tenant_id and a.receiver_id = r.id;
  with noted as (
    insert into mayfly.feed_receiver as r (tenant_id, id, resource_id, name, shard, epoch, first_seen_at, seen_at, gone)
      select distinct on (g.tenant, g.id) g.tenant, g.id, g.resource, g.name, g.shard, g.epoch,
          min(g.at) over (partition by g.tenant, g.id), max(g.at) over (partition by g.tenant, g.id),
          bool_or(g.gone) over (partition by g.tenant, g.id)
        from jsonb_to_recordset(v_given) g(tenant uuid, id uuid, resource uuid, name text, shard uuid, epoch bigint, at timestamptz,
          gone boolean)
       order by g.tenant, g.id, g.epoch desc
      on conflict (tenant_id, id) do update set name = excluded.name, shard = excluded.shard, seen_at = greatest(r.seen_at, excluded.seen_at),
          gone = excluded.gone,
          epoch = case when r.shard = excluded.shard then greatest(r.epoch, excluded.epoch) else excluded.epoch end
        where r.resource_id = excluded.resource_id
    returning r.resource_id, r.xmax = 0 as is_new
  ) select array_agg(distinct n.resource_id) into v_grown from noted n where n.is_new;
  if v_grown is not null then
    with gone as (
      delete from mayfly.feed_receiver r
       using unnest(v_grown) g(resource), lateral (
         select v.tenant_id, v.id from mayfly.feed_receiver v where v.resource_id = g.resource order by v.seen_at desc, v.id offset 5000) o
       where r.tenant_id = o.tenant_id and r.id = o.id returning r.tenant_id, r.id
    ) delete from mayfly.feed_acknowledgement a using gone where a.tenant_id = gone.tenant_id and a.receiver_id = gone.id;
  end if;
  insert into mayfly.feed_acknowledgement (tenant_id, receiver_id, epoch, at)
    select g.tenant, g.id, g.epoch, g.at
      from jsonb_to_recordset(v_given) g(tenant uuid, id uuid, resource uuid, epoch bigint, at timestamptz)
      join mayfly.feed_receiver r on r.tenant_id = g.tenant and r.id = g.id and r.resource_id = g.resource
     order by g.tenant, g.id, g.epoch, g.at
    on conflict do nothing;
end $$;

-- Collects a batch of what nobody asks about any more: entries a day after the last token that they could be about has ended,
-- acknowledgements with the revocations that they are about, receivers that were not heard of for a day and have none left.
create function across.drop_feed_history(p_limit integer) returns table (revocations integer, acknowledgements integer, receivers integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from mayfly.revocation r where (r.tenant_id, r.epoch) in (
    select v.tenant_id, v.epoch from mayfly.feed f cross join lateral (
      select w.tenant_id, w.epoch from mayfly.revocation w where w.tenant_id = f.tenant_id and w.until < now() - interval '1 day'
       order by w.until limit p_limit) v limit p_limit);
  get diagnostics revocations = row_count;
  delete from mayfly.feed_acknowledgement a where (a.tenant_id, a.receiver_id, a.epoch) in (
    select v.tenant_id, v.receiver_id, v.epoch from mayfly.feed f cross join lateral (
      select w.tenant_id, w.receiver_id, w.epoch from mayfly.feed_acknowledgement w where w.tenant_id = f.tenant_id
         and w.epoch < coalesce((select min(e.epoch) from mayfly.revocation e where e.tenant_id = f.tenant_id), f.epoch + 1)
       order by w.epoch limit p_limit) v limit p_limit);
  get diagnostics acknowledgements = row_count;
  delete from mayfly.feed_receiver r where (r.tenant_id, r.id) in (
    select v.tenant_id, v.id from mayfly.feed_receiver v where v.seen_at < now() - interval '1 day'
       and not exists (select from mayfly.feed_acknowledgement a where a.tenant_id = v.tenant_id and a.receiver_id = v.id) limit p_limit);
  get diagnostics receivers = row_count;
  return next;
end $$;
