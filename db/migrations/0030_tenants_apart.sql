-- Row-level security on every table of tenants, forced (docs/decisions/0021-row-level-security.md).

set local role mayfly_owner;

-- The tenant that the transaction is for; null: none was named, and then no row of any tenant is seen. After a transaction that
-- named one PostgreSQL keeps the setting as an empty text.
create function mayfly.tenant_in_force() returns uuid language sql stable parallel safe
  return nullif(current_setting('mayfly.tenant', true), '')::uuid;
revoke all on function mayfly.tenant_in_force from public;
grant execute on function mayfly.tenant_in_force to mayfly_app, mayfly_across, mayfly_log;

-- Answers that are kept hold what tenants registered. The tenant is that of the credential, in whose name the transaction began.
-- They live for a day; those without a tenant go now.
delete from mayfly.idempotency;
alter table mayfly.idempotency add column tenant_id uuid not null default mayfly.tenant_in_force();

-- For a table with a `tenant_id`; where that may be null, such rows are the deployment's. The roles that see all rows cannot log
-- in: they own functions. What these may do beyond looking is granted table by table.
create function mayfly.keep_tenants_apart(p_table regclass) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_nullable boolean;
  v_mine text := 'tenant_id = mayfly.tenant_in_force()';
begin
  select not a.attnotnull into strict v_nullable from pg_attribute a where a.attrelid = p_table and a.attname = 'tenant_id';
  if v_nullable then
    v_mine := v_mine || ' or tenant_id is null and mayfly.tenant_in_force() = ''00000000-0000-0000-0000-000000000000''';
  end if;
  execute format('alter table %s enable row level security, force row level security', p_table);
  execute format('create policy tenant on %s to mayfly_app using (%s) with check (%2$s)', p_table, v_mine);
  execute format('create policy across on %s to mayfly_across, mayfly_log using (true) with check (true)', p_table);
end $$;
revoke all on function mayfly.keep_tenants_apart from public;

do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'mayfly' and c.relkind in ('r', 'p') and a.attname = 'tenant_id' and not a.attisdropped and not c.relrowsecurity
  loop
    perform mayfly.keep_tenants_apart(v_table);
  end loop;
end $$;

-- A tenant sees itself; the deployment sees its tenants.
alter table mayfly.tenant enable row level security, force row level security;
create policy tenant on mayfly.tenant to mayfly_app
  using (id = mayfly.tenant_in_force() or mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000')
  with check (id = mayfly.tenant_in_force() or mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000');
create policy across on mayfly.tenant to mayfly_across, mayfly_log using (true) with check (true);

-- A row is there between a statement and the end of its transaction, for the trigger. Nobody else ever reads it.
set local role mayfly_log;
alter table log.pending enable row level security, force row level security;
create policy append on log.pending for insert to mayfly_app, mayfly_across with check (true);
create policy move on log.pending to mayfly_log using (true) with check (true);

-- The log is one for all tenants, so nobody reads it but through functions.
revoke select on log.entry, log.body from mayfly_app;
