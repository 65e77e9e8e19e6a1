-- A tenant with many webhooks that all answer slowly would have had every sender for itself: it gets half of them at most, and who
-- has least under way comes first.

set local role mayfly_across;

-- Messages that are due, lent for a time, a few for each webhook: one that is slow or broken holds up itself alone.
-- p_busy: a webhook as often as it has something under way; it gets no more until that is over.
create or replace function across.lease_messages(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (id uuid, tenant_id uuid, webhook_id uuid, type text, body text, attempts integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
  v_part integer := greatest((p_limit + cardinality(p_busy)) / 2, 1);
begin
  return query
    with busy as (
      select w.tenant_id, count(*) as count from unnest(p_busy) b(id) join mayfly.webhook w on w.id = b.id group by w.tenant_id
    ), due as (
      select d.id, coalesce(b.count, 0) + row_number() over (partition by w.tenant_id order by d.due_at, d.id) as nth
        from mayfly.webhook w left join busy b on b.tenant_id = w.tenant_id,
          lateral (select m.id, m.due_at from mayfly.webhook_message m
                    where m.webhook_id = w.id and m.state = 'waiting' and m.due_at <= v_now
                    order by m.due_at, m.id limit p_each for update skip locked) d
       where w.hold_until <= v_now and not w.id = any(p_busy)
    ), lent as (
      update mayfly.webhook_message m set due_at = v_now + make_interval(secs => p_lease_seconds), attempts = least(m.attempts + 1, 30000)
        from (select f.id from due f where f.nth <= v_part order by f.nth limit p_limit) first where m.id = first.id
      returning m.*
    )
    select l.id, l.tenant_id, l.webhook_id, l.type, l.body, l.attempts::integer from lent l order by l.id;
end $$;
