-- Looking after keys, for all tenants: which rotation steps are due, and what is sealed under which key-encryption key. Sealed
-- keys stay sealed: what opens them is not in the database.

-- Whatever holds something sealed says so by the names of two columns.
set local role mayfly_owner;
do $$
declare
  v_table regclass;
  v_column name;
begin
  for v_table, v_column in
    select c.oid, s.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute s on s.attrelid = c.oid and s.attname like '%\_sealed' join pg_attribute k on k.attrelid = c.oid and k.attname = 'kek_id'
     where n.nspname = 'mayfly' and c.relkind = 'r'
  loop
    execute format('grant select, update (%I, kek_id) on %s to mayfly_across', v_column, v_table);
  end loop;
end $$;
set local role mayfly_across;

-- What is to be done, the longest overdue first. The table is one whose rows rotate; each step is due for what has stood since before.
create function across.due_key_steps(
  p_table text, p_publish_before timestamptz, p_activate_before timestamptz, p_retire_before timestamptz, p_limit integer
) returns table (tenant_id uuid, alg text, step text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_table not in ('mayfly.signing_key', 'mayfly.ca_key') then
    raise exception 'keys of % do not rotate', p_table using errcode = 'invalid_parameter_value';
  end if;
  return query execute format($q$
    select d.tenant_id, d.alg, d.step from (
      select k.tenant_id, k.alg, 'retire' as step, k.state_since from %1$s k where k.state = 'retiring' and k.state_since <= $1
      union all
      select k.tenant_id, k.alg, 'activate', k.state_since from %1$s k where k.state = 'next' and k.state_since <= $2
      union all
      select k.tenant_id, k.alg, 'publish', k.state_since from %1$s k where k.state = 'active' and k.state_since <= $3
         and not exists (select from %1$s n where n.tenant_id = k.tenant_id and n.alg = k.alg and n.state = 'next')
    ) d order by d.state_since limit $4$q$, p_table) using p_retire_before, p_activate_before, p_publish_before, p_limit;
end $$;

-- Refuses all but a column that holds something sealed, in a table that says under which key.
create function across.check_sealed(p_table text, p_column text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if p_column !~ '_sealed$' or p_table !~ '^mayfly\.[a-z_]+$' or 2 <> (
    select count(*) from pg_attribute a where a.attrelid = p_table::regclass and a.attname in (p_column, 'kek_id'))
  then
    raise exception '%.% holds nothing sealed', p_table, p_column using errcode = 'invalid_parameter_value';
  end if;
end $$;
revoke all on function across.check_sealed from mayfly_app;

-- How many rows of a stretch of blocks are sealed under which key.
create function across.count_sealed(p_table text, p_column text, p_from_block integer, p_to_block integer) returns table (kek_id text, rows bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform across.check_sealed(p_table, p_column);
  return query execute format('select t.kek_id, count(*) from %s t where t.ctid >= $1 and t.ctid < $2 and t.%I is not null group by t.kek_id',
    p_table, p_column) using format('(%s,0)', p_from_block)::tid, format('(%s,0)', p_to_block)::tid;
end $$;

-- Up to which row, by id, the next `p_limit` behind `p_after` go; null: there are no more.
create function across.next_sealed(p_table text, p_column text, p_after uuid, p_limit integer) returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last uuid;
begin
  perform across.check_sealed(p_table, p_column);
  execute format('select p.id from (select t.id from %s t where $1 is null or t.id > $1 order by t.id limit $2) p order by p.id desc limit 1', p_table)
    into v_last using p_after, p_limit;
  return v_last;
end $$;

-- Of the rows behind `p_after` up to `p_last` those that are sealed under another key, held until the transaction ends.
create function across.lock_sealed_otherwise(p_table text, p_column text, p_kek text, p_after uuid, p_last uuid)
  returns table (id uuid, tenant_id uuid, kek_id text, sealed bytea)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform across.check_sealed(p_table, p_column);
  return query execute format($q$
    select t.id, t.tenant_id, t.kek_id, t.%2$I from %1$s t
     where ($1 is null or t.id > $1) and t.id <= $2 and t.kek_id <> $3 order by t.id for no key update$q$, p_table, p_column)
    using p_after, p_last, p_kek;
end $$;

-- p_rows: [{id, sealed: hex}]
create function across.reseal(p_table text, p_column text, p_kek text, p_rows jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform across.check_sealed(p_table, p_column);
  execute format($q$
    update %1$s t set %2$I = decode(v.sealed, 'hex'), kek_id = $1 from jsonb_to_recordset($2) v(id uuid, sealed text) where t.id = v.id$q$,
    p_table, p_column) using p_kek, p_rows;
end $$;
