-- What the log is told that nobody was there to tell it: when a revocation had reached everybody, and which waiting changes fell with
-- the credential that had proposed them.

set local role mayfly_owner;

-- How far, in epochs of its feed, a tenant's revocations have been reported to the log.
create table mayfly.feed_report (
  tenant_id     uuid primary key,
  shard         uuid not null,
  epoch         bigint not null
) with (fillfactor = 70);
select mayfly.keep_tenants_apart('mayfly.feed_report');
grant select, insert, update on mayfly.feed_report to mayfly_app;
grant select on mayfly.feed_report to mayfly_across;

-- What somebody ordered names its target; an entry that follows from another, or from an account's own end, does not.
create index revocation_ordered on mayfly.revocation (tenant_id, epoch) where actor ? 'target';

set local role mayfly_across;

-- Revocations that are not reported yet, oldest first within a tenant: how many guards were listening when it was committed, how many
-- of them have said that they apply it, and how long the first and the last took. ready: all have, or p_patience seconds are over.
create function across.unreported_revocations(p_limit integer, p_patience double precision) returns table (tenant_id uuid, shard uuid,
  id uuid, epoch bigint, at_seconds double precision, receivers integer, acknowledged integer, first_ms double precision,
  last_ms double precision, ready boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select h.tenant_id, h.shard, h.id, h.epoch, extract(epoch from h.at)::float8, s.receivers, s.acknowledged, s.first_ms, s.last_ms,
           s.receivers = s.acknowledged or h.at < clock_timestamp() - make_interval(secs => p_patience)
      from (
        select f.tenant_id, f.shard, o.id, o.epoch, o.at
          from mayfly.feed f
          left join mayfly.feed_report p on p.tenant_id = f.tenant_id and p.shard = f.shard
         cross join lateral (
           select r.id, max(r.epoch) as epoch, min(r.at) as at from mayfly.revocation r
            where r.tenant_id = f.tenant_id and r.epoch > coalesce(p.epoch, 0) and r.actor ? 'target'
            group by r.id order by 2 limit p_limit) o
         where f.epoch > coalesce(p.epoch, 0)
         order by o.at limit p_limit) h
     cross join lateral (
       select count(*)::integer as receivers, count(a.at)::integer as acknowledged,
              min(greatest(0, extract(epoch from a.at - h.at) * 1000))::float8 as first_ms,
              max(greatest(0, extract(epoch from a.at - h.at) * 1000))::float8 as last_ms
         from mayfly.feed_receiver r
         left join lateral (
           select k.at from mayfly.feed_acknowledgement k
            where k.tenant_id = r.tenant_id and k.receiver_id = r.id and k.epoch >= h.epoch order by k.epoch limit 1) a on true
        where r.tenant_id = h.tenant_id and r.shard = h.shard and r.first_seen_at <= h.at
          and (a.at is not null or not r.gone and r.seen_at > h.at - interval '1 minute')) s
     order by h.tenant_id, h.epoch;
end $$;

-- As before, and says which.
drop function across.withdraw_changes(uuid[]);
create function across.withdraw_changes(p_credentials uuid[]) returns table (id uuid, tenant_id uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query update mayfly.change c set status = 'withdrawn'
    where c.proposer_id = any(p_credentials) and c.status in ('waiting', 'approved') returning c.id, c.tenant_id;
end $$;

revoke all on function across.unreported_revocations, across.withdraw_changes from public;
grant execute on function across.unreported_revocations, across.withdraw_changes to mayfly_app;
