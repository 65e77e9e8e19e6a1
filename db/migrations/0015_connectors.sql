set local role mayfly_owner;

-- What can be attached to accounts: a connector of a kind, at a place, with what it signs in with.
create table mayfly.connector (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  name          text not null,
  kind          text not null,
  config        jsonb not null,
  -- JSON of texts, sealed: its own credentials, or the key that it signs its calls with.
  admin_sealed  bytea not null,
  kek_id        text not null,
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  unique (tenant_id, name)
);

-- Something outside that one account has. Written before anything is made, so that whatever happens then somebody finds it.
--   making    being made, by whoever holds the lease until due_at
--   active    made, and its holder has access
--   renewing  gets another credential, by whoever holds the lease until due_at
--   locking   all access is to end, from due_at on
--   locked    made, and nobody has access
--   ending    to be taken down, from due_at on
--   kept      nobody has access; what was made is destroyed at due_at
--   gone      nothing is left
create table mayfly.attachment (
  id            uuid primary key,
  tenant_id     uuid not null,
  account_id    uuid not null,
  agent_id      uuid not null,
  connector_id  uuid not null,
  -- The order in which an account's attachments were made; they are taken down the other way round.
  ordinal       bigint generated always as identity,
  state         text not null check (state in ('making', 'active', 'renewing', 'locking', 'locked', 'ending', 'kept', 'gone')),
  -- Of the account, when access was last given.
  generation    integer not null,
  -- Counts credentials.
  rotation      integer not null,
  -- When somebody may or must see to it; of no meaning while it is active, locked or gone.
  due_at        timestamptz not null,
  attempts      smallint not null default 0,
  parked        boolean not null default false,
  -- Why it ends, and why the last attempt at it failed: words of ours.
  ended_by      text,
  failure       text,
  created_at    timestamptz not null default clock_timestamp(),
  ended_at      timestamptz,
  -- What was destroyed: [{what, count, bytes?}]; and the hash of the leaf that says so.
  destroyed     jsonb,
  receipt       text,
  -- When the account's new deadline is to be told outside; null: it was.
  extend_due    timestamptz
);
create unique index attachment_of_account on mayfly.attachment (account_id, connector_id) where state not in ('gone', 'kept');
create index attachment_account on mayfly.attachment (account_id, ordinal);
create index attachment_due on mayfly.attachment (tenant_id, due_at) where state in ('making', 'renewing', 'locking', 'ending', 'kept');
create index attachment_extend on mayfly.attachment (tenant_id, extend_due) where extend_due is not null;
create index attachment_connector on mayfly.attachment (connector_id) where state <> 'gone';
create index attachment_ended on mayfly.attachment (ended_at) where state = 'gone';

-- Who is told what becomes of accounts.
create table mayfly.webhook (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  name          text not null,
  config        jsonb not null,
  secret_sealed bytea not null,
  kek_id        text not null,
  -- Of Ed25519; null: the secret is shared.
  public_key    text,
  -- After a failure nothing is sent until then; the failures in a row.
  hold_until    timestamptz not null default '-infinity',
  failures      integer not null default 0,
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  unique (tenant_id, name)
);

create table mayfly.webhook_message (
  id            uuid primary key,
  tenant_id     uuid not null,
  webhook_id    uuid not null references mayfly.webhook on delete cascade,
  -- Which change it tells of: account, generation, transition. Once for each webhook.
  event         text not null,
  type          text not null,
  body          text not null,
  state         text not null default 'waiting' check (state in ('waiting', 'delivered', 'parked')),
  due_at        timestamptz not null default clock_timestamp(),
  attempts      smallint not null default 0,
  -- Of the last attempt: the HTTP status, or why there was none.
  status        smallint,
  failure       text,
  created_at    timestamptz not null default clock_timestamp(),
  settled_at    timestamptz,
  unique (webhook_id, event)
);
create index webhook_message_due on mayfly.webhook_message (webhook_id, due_at, id) where state = 'waiting';
create index webhook_message_settled on mayfly.webhook_message (settled_at) where state = 'delivered';

grant select, insert, update, delete on mayfly.connector, mayfly.webhook to mayfly_app;
grant select, insert, update on mayfly.attachment, mayfly.webhook_message to mayfly_app;
grant select on mayfly.attachment to mayfly_log;
grant select, update, delete on mayfly.attachment to mayfly_across;
grant select, update, delete on mayfly.webhook_message to mayfly_across;
grant select on mayfly.webhook to mayfly_across;

set local role mayfly_log;

-- An account goes when nothing of it is left outside but what its connectors keep for a while.
create or replace function log.is_attached(p_account uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select exists (select from mayfly.attachment a where a.account_id = p_account and a.state not in ('gone', 'kept'));
$$;

set local role mayfly_across;

-- What talks to others is lent tenant by tenant: those with the least under way come first, and none has more than its part at once,
-- so a tenant whose servers hang holds up itself alone. And a deadline that has moved is told outside in the same way, not by
-- who works off the outbox, in which every tenant's ends and claims stand.

-- Attachments that somebody must see to, lent for a time. Of one account the last made comes first: an earlier one waits until
-- every later one is gone, kept or parked. Nobody waits to lose access: that is `locking`, and is done for all at once.
-- What was being made or renewed when its lease ended is to be taken down, or locked: nobody knows how far it came.
-- p_busy: a tenant as often as it has something under way; p_each: how much that may be.
create function across.lease_attachments(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (id uuid, tenant_id uuid, account_id uuid, agent_id uuid, connector_id uuid, state text, generation integer,
    rotation integer, attempts integer, ended_by text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive waiting(tenant) as (
      (select a.tenant_id from mayfly.attachment a
        where a.state in ('making', 'renewing', 'locking', 'ending', 'kept') order by a.tenant_id limit 1)
      union all
      select n.tenant_id from waiting w, lateral (select a.tenant_id from mayfly.attachment a
        where a.state in ('making', 'renewing', 'locking', 'ending', 'kept') and a.tenant_id > w.tenant order by a.tenant_id limit 1) n
    ), due as (
      select d.id, u.busy + row_number() over (partition by w.tenant order by d.due_at) as nth, d.due_at
        from waiting w,
          lateral (select count(*) as busy from unnest(p_busy) b(tenant) where b.tenant = w.tenant) u,
          lateral (
            select a.id, a.due_at from mayfly.attachment a
             where a.tenant_id = w.tenant and a.state in ('making', 'renewing', 'locking', 'ending', 'kept') and a.due_at <= v_now
               and (a.state <> 'ending' or not exists (
                 select from mayfly.attachment l where l.account_id = a.account_id and l.ordinal > a.ordinal
                    and l.state in ('making', 'renewing', 'locking', 'ending') and not l.parked))
             order by a.due_at limit greatest(p_each - u.busy, 0) for update skip locked) d
    ), lent as (
      update mayfly.attachment a set
          due_at = v_now + make_interval(secs => p_lease_seconds),
          attempts = least(a.attempts + 1, 30000),
          state = case when a.state = 'making' or a.state = 'renewing' and a.ended_by is not null then 'ending'
            when a.state = 'renewing' then 'locking' else a.state end,
          ended_by = case a.state when 'making' then coalesce(a.ended_by, 'abandoned') else a.ended_by end
        from (select f.id from due f order by f.nth, f.due_at limit p_limit) first where a.id = first.id
      returning a.*
    )
    select l.id, l.tenant_id, l.account_id, l.agent_id, l.connector_id, l.state, l.generation, l.rotation, l.attempts::integer, l.ended_by
      from lent l order by l.ordinal desc;
end $$;

-- Attachments whose new deadline is to be told outside, lent in the same way. due: stands for this lease.
create function across.lease_extensions(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (id uuid, tenant_id uuid, account_id uuid, agent_id uuid, connector_id uuid, rotation integer, due text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive waiting(tenant) as (
      (select a.tenant_id from mayfly.attachment a where a.extend_due is not null order by a.tenant_id limit 1)
      union all
      select n.tenant_id from waiting w, lateral (select a.tenant_id from mayfly.attachment a
        where a.extend_due is not null and a.tenant_id > w.tenant order by a.tenant_id limit 1) n
    ), due as (
      select d.id, u.busy + row_number() over (partition by w.tenant order by d.extend_due) as nth, d.extend_due
        from waiting w,
          lateral (select count(*) as busy from unnest(p_busy) b(tenant) where b.tenant = w.tenant) u,
          lateral (
            select a.id, a.extend_due from mayfly.attachment a
             where a.tenant_id = w.tenant and a.extend_due <= v_now
             order by a.extend_due limit greatest(p_each - u.busy, 0) for update skip locked) d
    ), lent as (
      update mayfly.attachment a set extend_due = v_now + make_interval(secs => p_lease_seconds)
        from (select f.id from due f order by f.nth, f.extend_due limit p_limit) first where a.id = first.id
      returning a.*
    )
    select l.id, l.tenant_id, l.account_id, l.agent_id, l.connector_id, l.rotation, l.extend_due::text from lent l;
end $$;

-- What an operator should see of it.
create function across.attachment_backlog(out due bigint, out parked bigint, out kept bigint, out messages bigint, out parked_messages bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select count(*) filter (where a.state in ('locking', 'ending') and not a.parked),
         count(*) filter (where a.parked), count(*) filter (where a.state = 'kept')
    into due, parked, kept from mayfly.attachment a where a.state in ('making', 'renewing', 'locking', 'ending', 'kept');
  select count(*) into messages from mayfly.webhook_message m where m.state = 'waiting';
  select count(*) into parked_messages from mayfly.webhook_message m where m.state = 'parked';
end $$;

-- Which of these accounts have anything attached.
create function across.attached_among(p_accounts uuid[]) returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select coalesce(array_agg(p.id), '{}') from unnest(p_accounts) p(id)
   where exists (select from mayfly.attachment a where a.account_id = p.id and a.state <> 'gone');
$$;

-- Which of these tenants have a webhook.
create function across.tenants_with_webhooks(p_tenants uuid[]) returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(distinct w.tenant_id), '{}') from mayfly.webhook w where w.tenant_id = any(p_tenants);
$$;

-- A tenant with many webhooks that all answer slowly would have every sender for itself: it gets half of them at most, and who
-- has least under way comes first.

-- Messages that are due, lent for a time, a few for each webhook: one that is slow or broken holds up itself alone.
-- p_busy: a webhook as often as it has something under way; it gets no more until that is over.
create function across.lease_messages(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
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

-- What was done long ago: receipts stand in the log.
create function across.drop_settled(p_attachment_seconds double precision, p_message_seconds double precision, p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_attachments integer;
  v_messages integer;
begin
  delete from mayfly.attachment where id in (select a.id from mayfly.attachment a
    where a.state = 'gone' and a.ended_at < clock_timestamp() - make_interval(secs => p_attachment_seconds) limit p_limit);
  get diagnostics v_attachments = row_count;
  delete from mayfly.webhook_message where id in (select m.id from mayfly.webhook_message m
    where m.state = 'delivered' and m.settled_at < clock_timestamp() - make_interval(secs => p_message_seconds) limit p_limit);
  get diagnostics v_messages = row_count;
  return v_attachments + v_messages;
end $$;
