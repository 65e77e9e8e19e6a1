-- Who is told of revocations by Security Event Tokens (docs/decisions/0029-security-events.md). What happened stands once, in mayfly.revocation; of each
-- stream there is only how far it has come.

set local role mayfly_owner;

-- Somebody of a tenant who may have streams. Its credential is good for nothing else, and none of another kind is good for this: SETs
-- name what was revoked, which a resource's feed does not.
create table mayfly.ssf_receiver (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  name          text not null,
  -- `aud` of its SETs.
  audience      text not null,
  -- Of the server that is pushed to; null: the public CAs.
  ca_pem        text,
  secret_hash   bytea not null unique,
  expires_at    timestamptz not null,
  -- The secret before, for as long as it takes to change it everywhere.
  previous_hash bytea unique,
  previous_until timestamptz,
  created_at    timestamptz not null default clock_timestamp(),
  unique (tenant_id, name)
);

create table mayfly.ssf_stream (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  receiver_id   uuid not null references mayfly.ssf_receiver on delete cascade,
  issuer        text not null,
  description   text,
  -- Null: all that there are.
  events_requested jsonb,
  method        text not null check (method in ('push', 'poll')),
  endpoint_url  text,
  -- What is sent as Authorization, sealed.
  authorization_sealed bytea,
  kek_id        text,
  status        text not null default 'enabled' check (status in ('enabled', 'paused', 'disabled')),
  status_reason text,
  -- Everything up to the cursor is settled, and these ranges ahead of it: [[from, to], …]. Of this shard of the tenant's feed.
  shard         uuid not null,
  cursor        bigint not null,
  ahead         jsonb not null default '[]',
  -- When the receiver last took something.
  taken_at      timestamptz,
  -- After a failure nothing is sent until then; the failures in a row, and the last one.
  hold_until    timestamptz not null default '-infinity',
  failures      integer not null default 0,
  failure       text,
  failure_status smallint,
  -- Who sends at the moment, and until when without a sign of life.
  lease         uuid,
  leased_until  timestamptz not null default '-infinity',
  tried_at      timestamptz not null default '-infinity',
  verified_at   timestamptz not null default '-infinity',
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  check ((method = 'push') = (endpoint_url is not null)),
  check ((authorization_sealed is null) = (kek_id is null))
);
create index ssf_stream_tenant on mayfly.ssf_stream (tenant_id, id);
create index ssf_stream_receiver on mayfly.ssf_stream (receiver_id);

-- What is said about the stream itself, until it is taken.
create table mayfly.ssf_notice (
  id            uuid primary key,
  tenant_id     uuid not null,
  stream_id     uuid not null references mayfly.ssf_stream on delete cascade,
  place         bigint generated always as identity,
  type          text not null check (type in ('verification', 'stream-updated')),
  claims        jsonb not null,
  at            timestamptz not null default clock_timestamp()
);
create index ssf_notice_stream on mayfly.ssf_notice (stream_id, place);

-- What a receiver will not take, or did not take before the feed forgets it. Kept until it is taken after all, or thrown away by hand.
create table mayfly.ssf_dead_letter (
  id            uuid primary key,
  tenant_id     uuid not null,
  stream_id     uuid not null references mayfly.ssf_stream on delete cascade,
  shard         uuid not null,
  epoch         bigint not null,
  -- The row of the feed: it outlives that one here.
  event         jsonb not null,
  err           text not null,
  description   text,
  -- To be sent again.
  due           boolean not null default false,
  at            timestamptz not null default clock_timestamp(),
  unique (stream_id, shard, epoch)
);
create index ssf_dead_letter_due on mayfly.ssf_dead_letter (stream_id) where due;

-- Subjects of which a receiver wants to hear nothing.
create table mayfly.ssf_subject (
  stream_id     uuid not null references mayfly.ssf_stream on delete cascade,
  tenant_id     uuid not null,
  -- SHA-256 of its canonical JSON.
  hash          bytea not null,
  subject       jsonb not null,
  primary key (stream_id, hash)
);

-- When a cursor came where: for whoever asks what became of a revocation.
create table mayfly.ssf_acknowledgement (
  tenant_id     uuid not null,
  stream_id     uuid not null references mayfly.ssf_stream on delete cascade,
  epoch         bigint not null,
  at            timestamptz not null default clock_timestamp(),
  primary key (stream_id, epoch)
);
create index ssf_acknowledgement_at on mayfly.ssf_acknowledgement (at);

select mayfly.keep_tenants_apart('mayfly.ssf_receiver');
select mayfly.keep_tenants_apart('mayfly.ssf_stream');
select mayfly.keep_tenants_apart('mayfly.ssf_notice');
select mayfly.keep_tenants_apart('mayfly.ssf_dead_letter');
select mayfly.keep_tenants_apart('mayfly.ssf_subject');
select mayfly.keep_tenants_apart('mayfly.ssf_acknowledgement');

grant select, insert, update, delete on mayfly.ssf_receiver, mayfly.ssf_stream, mayfly.ssf_notice, mayfly.ssf_dead_letter, mayfly.ssf_subject to mayfly_app;
grant select, insert on mayfly.ssf_acknowledgement to mayfly_app;
grant select on mayfly.ssf_receiver, mayfly.ssf_notice to mayfly_across;
grant select, update on mayfly.ssf_stream to mayfly_across;
grant select, insert on mayfly.ssf_dead_letter to mayfly_across;
grant select, delete on mayfly.ssf_acknowledgement to mayfly_across;

set local role mayfly_across;

-- Whose credentials these are. p_hashes: hex of SHA-256.
create function across.find_receivers(p_hashes text[]) returns table (id uuid, tenant_id uuid, audience text, secret_hash bytea)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select r.id, r.tenant_id, r.audience, r.secret_hash from unnest(p_hashes) h(hash)
      join mayfly.ssf_receiver r on r.secret_hash = decode(h.hash, 'hex') and r.expires_at > clock_timestamp()
    union all
    select r.id, r.tenant_id, r.audience, r.previous_hash from unnest(p_hashes) h(hash)
      join mayfly.ssf_receiver r on r.previous_hash = decode(h.hash, 'hex') and r.previous_until > clock_timestamp()
       and r.expires_at > clock_timestamp();
end $$;

-- Which of these tenants have a stream that something is pushed to.
create function across.tenants_with_pushes(p_tenants uuid[]) returns table (tenant_id uuid, stream_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select s.tenant_id, s.id from mayfly.ssf_stream s
    where s.tenant_id = any(p_tenants) and s.method = 'push' and s.status = 'enabled' and s.hold_until <= clock_timestamp();
end $$;

-- Streams that something is to be pushed to, each lent to one worker at a time, so that a receiver gets its SETs in their order. Who
-- was served longest ago comes first, and a tenant has only so many under way: one whose receivers all hang holds up itself alone.
-- p_busy: a tenant as often as it has something under way; p_each: how much that may be.
create function across.lease_streams(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
  returns table (id uuid, tenant_id uuid, lease uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with busy as (
      select b.tenant, count(*) as count from unnest(p_busy) b(tenant) group by b.tenant
    ), due as (
      select s.id, s.tried_at, coalesce(b.count, 0) + row_number() over (partition by s.tenant_id order by s.tried_at) as nth
        from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id left join busy b on b.tenant = s.tenant_id
       where s.method = 'push' and s.hold_until <= v_now and s.leased_until <= v_now and (
             s.status = 'enabled' and (s.shard <> f.shard or s.cursor < f.epoch
               or exists (select from mayfly.ssf_dead_letter d where d.stream_id = s.id and d.due))
             or exists (select from mayfly.ssf_notice n where n.stream_id = s.id and (n.type = 'stream-updated' or s.status = 'enabled')))
    )
    update mayfly.ssf_stream s set lease = gen_random_uuid(), tried_at = v_now,
        leased_until = v_now + make_interval(secs => p_lease_seconds)
      from (select d.id from due d where d.nth <= p_each order by d.nth, d.tried_at limit p_limit) first
     where s.id = first.id and s.leased_until <= v_now
    returning s.id, s.tenant_id, s.lease;
end $$;

-- What an operator should see of it. waiting: events that streams have not taken yet, the ones they do not want included.
create function across.ssf_backlog(out enabled bigint, out paused bigint, out disabled bigint, out failing bigint, out waiting bigint,
  out lag_seconds double precision, out dead_letters bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select count(*) filter (where s.status = 'enabled'), count(*) filter (where s.status = 'paused'),
         count(*) filter (where s.status = 'disabled'), count(*) filter (where s.status = 'enabled' and s.failures > 0),
         coalesce(sum(f.epoch - s.cursor) filter (where s.status <> 'disabled' and f.shard = s.shard), 0),
         coalesce(max(extract(epoch from clock_timestamp() - n.at)) filter (where s.status = 'enabled'), 0)
    into enabled, paused, disabled, failing, waiting, lag_seconds
    from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id
    left join lateral (select r.at from mayfly.revocation r where r.tenant_id = s.tenant_id and f.shard = s.shard and r.epoch > s.cursor
      order by r.epoch limit 1) n on true;
  select count(*) into dead_letters from mayfly.ssf_dead_letter d where not d.due;
end $$;

-- Sets aside what the feed is about to forget and a stream has not taken. p_types: the event type by kind of revocation. Returns how much.
create function across.keep_late_events(p_until_seconds double precision, p_types jsonb, p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  insert into mayfly.ssf_dead_letter (id, tenant_id, stream_id, shard, epoch, event, err)
    select gen_random_uuid(), s.tenant_id, s.id, s.shard, r.epoch,
           jsonb_build_object('epoch', r.epoch, 'id', r.id, 'atMs', floor(extract(epoch from r.at) * 1000), 'kind', r.kind, 'subject', r.subject,
             'least', r.least, 'cause', r.cause, 'by', r.actor), 'late'
      from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id and f.shard = s.shard
      join mayfly.revocation r on r.tenant_id = s.tenant_id and r.epoch > s.cursor
       and r.until < clock_timestamp() - make_interval(secs => p_until_seconds)
     where s.status <> 'disabled' and (s.events_requested is null or s.events_requested ? (p_types ->> r.kind))
       and not exists (select from jsonb_array_elements(s.ahead) a where r.epoch between (a ->> 0)::bigint and (a ->> 1)::bigint)
       and not exists (select from mayfly.ssf_dead_letter d where d.stream_id = s.id and d.shard = s.shard and d.epoch = r.epoch)
     limit p_limit
      on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

create function across.forget_ssf_acknowledgements(p_seconds double precision, p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  delete from mayfly.ssf_acknowledgement where (stream_id, epoch) in (select a.stream_id, a.epoch from mayfly.ssf_acknowledgement a
    where a.at < clock_timestamp() - make_interval(secs => p_seconds) limit p_limit);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
