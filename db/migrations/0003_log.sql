-- The audit log: one gapless sequence of leaves, append-only by construction.
-- Owned by mayfly_log, which cannot log in; the runtime role may only call log.append and write log.pending.

set local role mayfly_log;

create table log.head (
  id            smallint primary key check (id = 1),
  shard         uuid not null,
  size          bigint not null check (size >= 0)
);
insert into log.head values (1, gen_random_uuid(), 0);

-- The leaf is stored as the exact bytes that were hashed: RFC 8785 canonical JSON in UTF-8.
create table log.entry (
  position      bigint primary key,
  leaf          text not null
);

-- What an event says beyond its envelope, by retention class and month, so that retention drops a partition.
create table log.body (
  position      bigint not null,
  retention     smallint not null,
  at            timestamptz not null,
  body          text not null
) partition by list (retention);
-- Positions only grow, so a block range index finds a body in a few pages and costs an insert next to nothing.
create index body_position on log.body using brin (position) with (pages_per_range = 16);
create table log.body_standard partition of log.body for values in (1) partition by range (at);
create table log.body_standard_rest partition of log.body_standard default;

create function log.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger entry_append_only before update or delete or truncate on log.entry
  for each statement execute function log.refuse_change();
create trigger body_append_only before update or delete or truncate on log.body
  for each statement execute function log.refuse_change();
-- A statement that names a partition does not fire what stands on the table above it.
create trigger body_append_only before update or delete or truncate on log.body_standard
  for each statement execute function log.refuse_change();
create trigger body_append_only before update or delete or truncate on log.body_standard_rest
  for each statement execute function log.refuse_change();
create trigger head_stays before delete or truncate on log.head
  for each statement execute function log.refuse_change();
create trigger head_grows before update on log.head
  for each row when (new.size < old.size) execute function log.refuse_change();

-- Makes the monthly partitions from the month of `p_from` on; harmless to call again.
create function log.ensure_partitions(p_from timestamptz, p_months integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_start timestamptz := date_trunc('month', p_from, 'UTC');
  v_name text;
begin
  for i in 1 .. least(p_months, 36) loop
    v_name := format('body_standard_%s', to_char(v_start at time zone 'UTC', 'YYYY_MM'));
    if to_regclass('log.' || v_name) is null then
      execute format('create table log.%I partition of log.body_standard for values from (%L) to (%L)',
        v_name, v_start, v_start + interval '1 month');
      execute format('create trigger body_append_only before update or delete or truncate on log.%I
        for each statement execute function log.refuse_change()', v_name);
    end if;
    v_start := v_start + interval '1 month';
  end loop;
end $$;
select log.ensure_partitions(now(), 3);

grant select on log.head, log.entry, log.body to mayfly_app;
revoke all on function log.ensure_partitions from public;
grant execute on function log.ensure_partitions to mayfly_app;
