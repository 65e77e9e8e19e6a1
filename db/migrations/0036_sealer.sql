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
create trigger checkpoint_append_only before update or delete or truncate on log.checkpoint
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

revoke all on function log.keep_checkpoint, log.report_sealer, log.seal_state from public;
grant execute on function log.keep_checkpoint, log.report_sealer, log.seal_state to mayfly_app;
grant select on log.checkpoint, log.sealer to mayfly_app;

set local role mayfly_across;
-- Leaves from a position on, without their bodies, one a line; no row for none. `count` tells whether the sequence has a gap.
create function across.read_leaves(p_from bigint, p_limit bigint) returns table (leaves text, count bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select string_agg(e.leaf, E'\n' order by e.position), count(*) from log.entry e
    where e.position >= p_from and e.position < p_from + p_limit having count(*) > 0;
end $$;
