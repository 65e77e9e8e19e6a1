-- What has been sealed: the checkpoints that were signed, and what the sealer last said of itself. Both are witnesses, not judges: who
-- decides whether a checkpoint is right verifies its signature, and the sealer keeps its last one outside this database too.

set local role mayfly_log;

create table log.checkpoint (
  shard         uuid not null,
  size          bigint not null check (size >= 0),
  -- RFC 6962 root over the first `size` leaves.
  root          bytea not null check (octet_length(root) = 32),
  at            timestamptz not null default clock_timestamp(),
  -- The signed note (c2sp.org/tlog-checkpoint), with what witnesses had added by then.
  note          text not null check (octet_length(note) <= 16384),
  primary key (shard, size)
);
-- A row goes only as `log.checkpoint_stays` lets it.
create trigger checkpoint_append_only before update or truncate on log.checkpoint
  for each statement execute function log.refuse_change();

-- One row: how far the log is sealed. It is the fence of the sealers: who wants to move it names the size that it moves it from.
create table log.sealer (
  id            smallint primary key check (id = 1),
  shard         uuid not null,
  size          bigint not null check (size >= 0),
  origin        text not null,
  verifier_key  text not null,
  -- When the sealer was last heard of, and why it does not seal, if it does not.
  at            timestamptz not null,
  fault         text,
  witnesses     jsonb not null default '[]'
);

-- Only a new shard begins again.
create function log.sealer_grows() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.shard = old.shard and new.size < old.size then
    raise exception 'what is sealed stays sealed: % to %', old.size, new.size using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger sealer_grows before update on log.sealer for each row execute function log.sealer_grows();
create trigger sealer_stays before delete or truncate on log.sealer for each statement execute function log.refuse_change();

-- Keeps a signed checkpoint, if it is the next one after `p_after`. Answers 'kept'; 'shard': the log is another one by now; 'raced': somebody
-- else sealed meanwhile; 'short': the log has not so many entries.
create function log.keep_checkpoint(p_shard uuid, p_after bigint, p_size bigint, p_root bytea, p_note text, p_origin text, p_verifier_key text)
  returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_head record;
  v_sealed record;
begin
  perform pg_advisory_xact_lock(7201, 36);
  select h.shard, h.size into strict v_head from log.head h where h.id = 1;
  if v_head.shard <> p_shard then return 'shard'; end if;
  if p_size > v_head.size then return 'short'; end if;
  select s.shard, s.size into v_sealed from log.sealer s where s.id = 1;
  if v_sealed.shard = p_shard and (v_sealed.size <> p_after or p_size < p_after) then return 'raced'; end if;
  insert into log.checkpoint (shard, size, root, note) values (p_shard, p_size, p_root, p_note) on conflict do nothing;
  insert into log.sealer (id, shard, size, origin, verifier_key, at)
    values (1, p_shard, p_size, p_origin, p_verifier_key, clock_timestamp())
    on conflict (id) do update set shard = excluded.shard, size = excluded.size, origin = excluded.origin,
      verifier_key = excluded.verifier_key, at = excluded.at;
  return 'kept';
end $$;

-- What a sealer says of itself. Before anything was sealed it makes the row: from then on the lag counts.
create function log.report_sealer(p_shard uuid, p_origin text, p_verifier_key text, p_fault text, p_witnesses jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into log.sealer as s (id, shard, size, origin, verifier_key, at, fault, witnesses)
    values (1, p_shard, 0, p_origin, p_verifier_key, clock_timestamp(), p_fault, p_witnesses)
    on conflict (id) do update set at = excluded.at, fault = excluded.fault, witnesses = excluded.witnesses;
end $$;

-- How far sealing is, for who watches it: no row where no sealer was ever set up. lag_ms: how long the oldest entry that is not
-- sealed has been there; 0 when all is.
create function log.seal_state() returns table (
  shard uuid, head_size bigint, sealed_shard uuid, sealed_size bigint, origin text, verifier_key text, heard_ms double precision,
  fault text, witnesses jsonb, lag_ms double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select h.shard, h.size, s.shard, s.size, s.origin, s.verifier_key, extract(epoch from clock_timestamp() - s.at)::float8 * 1000, s.fault,
           s.witnesses,
           coalesce(greatest(0, extract(epoch from clock_timestamp())::float8 * 1000
             - (select (e.leaf::jsonb->>'time')::float8 from log.entry e
                 where e.position = case when s.shard = h.shard then s.size else 0 end)), 0)
      from log.head h, log.sealer s where h.id = 1 and s.id = 1;
end $$;

-- Who signs the log, and since when: a row for each key that began or ceased. The log that goes on under another key says so itself, in an
-- entry of its own; the key of before says it in a note that it signed.
create table log.signer (
  shard         uuid not null,
  -- As c2sp.org/signed-note writes it; its name is the log's origin.
  verifier_key  text not null check (octet_length(verifier_key) <= 1024),
  at            timestamptz not null,
  signs         boolean not null,
  -- A signed note by which earlier keys name this one; null: it is the first one, or none of them was there to sign.
  handover      text check (octet_length(handover) <= 16384),
  primary key (shard, verifier_key, at)
);
create trigger signer_append_only before update or delete or truncate on log.signer
  for each statement execute function log.refuse_change();

-- Keeps which keys sign from now on, the newest first, with an entry of the log where that is a change of what was; true: it was.
create function log.keep_signers(p_shard uuid, p_keys text[], p_handover text, p_leaf text, p_body text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
  v_before text[];
begin
  perform pg_advisory_xact_lock(7201, 36);
  v_before := array(select l.verifier_key from (
      select distinct on (s.verifier_key) s.verifier_key, s.signs from log.signer s where s.shard = p_shard order by s.verifier_key, s.at desc) l
    where l.signs);
  if v_before <@ p_keys and p_keys <@ v_before then return false; end if;
  insert into log.signer (shard, verifier_key, at, signs, handover)
    select p_shard, k.key, v_now, true, case when k.n = 1 then p_handover end
      from unnest(p_keys) with ordinality k(key, n) where k.key <> all(v_before)
    union all
    select p_shard, b.key, v_now, false, null from unnest(v_before) b(key) where b.key <> all(p_keys);
  if v_before = '{}' then return false; end if;
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint], array[1],
    p_leaf, p_body);
  return true;
end $$;

-- A checkpoint a second is thirty million a year. Those of the last two days all stay; of older ones the last of each hour does, and any
-- that a fork or a witness names, or that was taken back. Every tree begins with each one before it, so what goes is proven by what stays;
-- the trigger, and not the function, is what says that nothing else goes: the newest of a log, and of an hour, stay whoever deletes.
create function log.checkpoint_stays() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if current_user = 'mayfly_log' and current_setting('mayfly.thins', true) = 'on' and old.at < clock_timestamp() - interval '2 days'
    and date_trunc('hour', old.at, 'UTC') = log.next_hour(old.shard, old.size)
    and not exists (select from log.named_checkpoints() n where n.shard = old.shard and n.size = old.size) then return old; end if;
  raise exception 'checkpoint % of the log % stays', old.size, old.shard using errcode = 'insufficient_privilege';
end $$;
create trigger checkpoint_stays before delete on log.checkpoint for each row execute function log.checkpoint_stays();
create index checkpoint_at on log.checkpoint using brin (at);

-- The hour in which the checkpoint behind that one was made; null: it is the newest.
create function log.next_hour(p_shard uuid, p_size bigint) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (select date_trunc('hour', c.at, 'UTC') from log.checkpoint c where c.shard = p_shard and c.size > p_size order by c.size limit 1);
end $$;

-- Checkpoints that something refers to: a log that was begun behind one, a witness that cosigned it last, an owner who took it back.
create function log.named_checkpoints() returns table (shard uuid, size bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select f.from_shard, n.size from log.fork f, lateral (values (f.sealed_size), (f.size)) n(size) where n.size is not null
    union all
    select s.shard, (w->>'size')::bigint from log.sealer s, jsonb_array_elements(s.witnesses) w where w->>'size' ~ '^[0-9]{1,15}$'
    union all
    select d.shard, d.size from log.checkpoint_disowned d;
end $$;

-- Hours that are over for two days, with how many of their checkpoints may go: `2026-11-21T08`.
create function log.checkpoints_due() returns table (hour text, spare bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select to_char(c.hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24'), count(*)
      from (select k.shard, k.size, date_trunc('hour', k.at, 'UTC') as hour from log.checkpoint k
             where k.at < date_trunc('hour', clock_timestamp(), 'UTC') - interval '2 days') c
     where c.hour = log.next_hour(c.shard, c.size) and (c.shard, c.size) not in (select n.shard, n.size from log.named_checkpoints() n)
     group by c.hour order by c.hour;
end $$;

-- Takes the spare ones of such an hour, `p_spare` of them, with the event that tells of it; false: there are none any more.
create function log.thin_checkpoints(p_hour text, p_spare bigint, p_leaf text, p_body text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_from timestamptz := (p_hour || ':00:00Z')::timestamptz;
  v_count bigint;
begin
  perform set_config('mayfly.thins', 'on', true);
  delete from log.checkpoint k where k.at >= v_from and k.at < v_from + interval '1 hour' and v_from = log.next_hour(k.shard, k.size)
     and (k.shard, k.size) not in (select n.shard, n.size from log.named_checkpoints() n);
  get diagnostics v_count = row_count;
  perform set_config('mayfly.thins', '', true);
  if v_count = 0 then return false; end if;
  if v_count <> p_spare then
    raise exception '% checkpoints of % are spare, not %', v_count, p_hour, p_spare using errcode = 'serialization_failure';
  end if;
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint], array[1],
    p_leaf, p_body);
  return true;
end $$;

revoke all on function log.keep_checkpoint, log.report_sealer, log.seal_state, log.keep_signers, log.next_hour, log.named_checkpoints, log.checkpoints_due,
  log.thin_checkpoints from public;
grant execute on function log.keep_checkpoint, log.report_sealer, log.seal_state, log.keep_signers, log.checkpoints_due,
  log.thin_checkpoints to mayfly_app;
grant select on log.checkpoint, log.sealer, log.signer to mayfly_app;

set local role mayfly_across;
-- Leaves from a position on, without their bodies, one a line; no row for none. `count` tells whether the sequence has a gap.
create function across.read_leaves(p_from bigint, p_limit bigint) returns table (leaves text, count bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select string_agg(e.leaf, E'\n' order by e.position), count(*) from log.entry e
    where e.position >= p_from and e.position < p_from + p_limit having count(*) > 0;
end $$;
