-- Forgetting: a person at once, everything in its time, and nothing while a legal hold says so (docs/decisions/0037-erasure.md).

set local role mayfly_owner;

-- Who was forgotten, named by ids of ours alone. `sealed` is what it was called, under the key that was destroyed: nobody reads it, until
-- a backup brings that key back, and then it says what to forget again.
create table mayfly.erasure (
  id            uuid primary key,
  -- Null: a person of the deployment.
  tenant_id     uuid references mayfly.tenant,
  key_ids       uuid[] not null,
  person_ids    uuid[] not null,
  sealed        text,
  sealed_under  uuid,
  -- Null: sealed under a subject's key. Else under the tenant's own (mayfly.erasure_key), as it was at this step.
  sealed_step   integer,
  -- Of the tenant's agents, those whose owner was forgotten with it: somebody must name another one.
  agent_ids     uuid[] not null default '{}',
  asked_at      timestamptz not null default clock_timestamp(),
  -- How far the log was gone through for rows that the keys had sealed, and how many went.
  swept_to      bigint not null default 0,
  -- Where the log ended once no broker had the keys any more; null: that is not yet so.
  sweep_end     bigint,
  removed       bigint not null default 0,
  swept_at      timestamptz,
  -- When it was written down outside the database.
  ledgered_at   timestamptz,
  -- The erasure stands in the ledger of before a restore, and was done again.
  replayed      boolean not null default false
);
create index erasure_unswept on mayfly.erasure (asked_at) where swept_at is null;
create index erasure_unledgered on mayfly.erasure (asked_at) where ledgered_at is null;
select mayfly.keep_tenants_apart('mayfly.erasure');

-- What names are written down under in the ledger where there is no subject's key: a key that goes one step further, and cannot go back,
-- with each erasure. A backup has it as it was, so it can be led to each later step; the database itself is always past the last one.
create table mayfly.erasure_key (
  id            uuid primary key,
  tenant_id     uuid not null unique references mayfly.tenant,
  step          integer not null default 0 check (step >= 0),
  key_sealed    bytea not null,
  kek_id        text not null
);
select mayfly.keep_tenants_apart('mayfly.erasure_key');

-- Nothing that a hold covers is erased, and no body of it dropped.
create table mayfly.legal_hold (
  id            uuid primary key,
  tenant_id     uuid not null references mayfly.tenant,
  kind          text not null check (kind in ('tenant', 'account', 'agent', 'person')),
  target_id     uuid check ((target_id is null) = (kind = 'tenant')),
  -- The subject keys that it covers; null: that is not known, so each of the tenant.
  key_ids       uuid[],
  matter        text not null,
  placed_by     uuid not null,
  placed_at     timestamptz not null default clock_timestamp(),
  lifted_by     uuid,
  lifted_at     timestamptz
);
create index legal_hold_active on mayfly.legal_hold (tenant_id) where lifted_at is null;
select mayfly.keep_tenants_apart('mayfly.legal_hold');

-- What a tenant has said of how long bodies stay, in months by class; null: as the deployment does. Less than the least of a class
-- (log.retention_class) nobody can say, whoever writes here.
create table mayfly.retention (
  tenant_id     uuid primary key references mayfly.tenant,
  security      integer check (security between 12 and 1200),
  standard      integer check (standard between 3 and 1200),
  short         integer check (short between 1 and 1200),
  updated_at    timestamptz not null default clock_timestamp()
);
select mayfly.keep_tenants_apart('mayfly.retention');

grant select, insert on mayfly.erasure, mayfly.legal_hold, mayfly.erasure_key to mayfly_app;
grant update (step, key_sealed, kek_id) on mayfly.erasure_key to mayfly_app;
grant update (agent_ids, ledgered_at) on mayfly.erasure to mayfly_app;
grant update (lifted_by, lifted_at, matter) on mayfly.legal_hold to mayfly_app;
grant select, insert, update on mayfly.retention to mayfly_app;
grant select, delete on mayfly.subject_key to mayfly_across;
grant select, update (key_sealed, kek_id) on mayfly.erasure_key to mayfly_across;
-- Another envelope it gets by across.reseal; a key that is merely written over would be an erasure that nobody hears of.
revoke update (key_sealed, kek_id) on mayfly.subject_key from mayfly_app;
grant select, update (ledgered_at) on mayfly.erasure to mayfly_across;
grant select on mayfly.legal_hold to mayfly_across;
grant update (config_epoch) on mayfly.tenant to mayfly_across;
grant select, update on mayfly.erasure to mayfly_log;
grant select on mayfly.legal_hold, mayfly.retention, mayfly.usage_cursor to mayfly_log;
grant delete on mayfly.webhook_message to mayfly_app;
grant update (body, before, after) on mayfly.change to mayfly_across;

-- What the planner would keep of these columns is samples of their values, which outlive the rows. No query needs them.
alter table mayfly.person alter column subject set statistics 0, alter column name set statistics 0, alter column email set statistics 0;
alter table mayfly.agent alter column owner set statistics 0, alter column rules set statistics 0, alter column settings set statistics 0;
alter table mayfly.change alter column body set statistics 0, alter column before set statistics 0, alter column after set statistics 0,
  alter column break_glass_reason set statistics 0;
alter table mayfly.account alter column task_id set statistics 0, alter column opener set statistics 0;
alter table mayfly.credential alter column name set statistics 0;
alter table mayfly.join_token alter column note set statistics 0;
alter table mayfly.enrolment alter column instance set statistics 0, alter column basis set statistics 0;
alter table mayfly.idempotency alter column response set statistics 0;
alter table mayfly.webhook_message alter column body set statistics 0;
alter table mayfly.ssf_subject alter column subject set statistics 0, alter column hash set statistics 0;
alter table mayfly.ssf_notice alter column claims set statistics 0;
alter table mayfly.ssf_dead_letter alter column event set statistics 0;
alter table mayfly.subject_key alter column subject_hash set statistics 0;

set local role mayfly_log;

-- How long bodies stay where a tenant says nothing, and the least that it may say. A partition holds one class of one month.
create table log.retention_class (
  code          smallint primary key,
  name          text not null unique,
  months        integer not null,
  least_months  integer not null
);
insert into log.retention_class values (1, 'standard', 84, 3), (2, 'security', 120, 12), (3, 'short', 13, 1);
create trigger class_stays before update or delete or truncate on log.retention_class
  for each statement execute function log.refuse_change();

-- Types that are not of the class `standard`; as in the catalogue of events, which a test sees to.
create table log.event_class (
  type          text primary key,
  class         smallint not null references log.retention_class
);

insert into log.event_class values
  ('account.claim_code_refused', 2), ('account.reinstated', 2), ('account.torn_down', 2), ('agent.changed', 2), ('agent.created', 2),
  ('agent.deleted', 2), ('agent.reinstated', 2), ('agent.revoked', 2), ('agent.suspended', 2), ('anonymous_opening.changed', 2),
  ('attachment.abandoned', 2), ('attachment.created', 2), ('attachment.detached', 2), ('attachment.locked', 2), ('attachment.parked', 2),
  ('attachment.retried', 2), ('attachment.rotated', 2), ('attachment.torn_down', 2), ('audit.exported', 2), ('audit.read', 2),
  ('audit_stream.ended', 2), ('audit_stream.opened', 2), ('audit_stream.parked', 2), ('audit_stream.resumed', 2),
  ('audit_stream.retried', 2), ('audit_stream.skipped', 2), ('bootstrap.offered', 2), ('bootstrap.redeemed', 2), ('ca_key.activated', 2),
  ('ca_key.created', 2), ('ca_key.published', 2), ('ca_key.replaced', 2), ('ca_key.retired', 2), ('certificate.issued', 2),
  ('change.approved', 2), ('change.break_glass', 2), ('change.proposed', 2), ('change.rejected', 2), ('connector.changed', 2),
  ('connector.created', 2), ('connector.deleted', 2), ('credential.created', 2), ('credential.revoked', 2), ('decisions.reported', 3),
  ('enrolment.refused', 2), ('join_token.created', 2), ('join_token.deleted', 2), ('keys.rewrap_requested', 2), ('keys.rewrapped', 2),
  ('legal_hold.lifted', 2), ('legal_hold.placed', 2), ('limits.changed', 2), ('log.key_changed', 2),
  ('log.restored', 2), ('log.thinned', 2), ('operator.refused', 2),
  ('person.signed_out', 2), ('receiver.created', 2), ('receiver.deleted', 2), ('receiver.token_renewed', 2), ('requests.rejected', 3),
  ('resource.changed', 2), ('resource.created', 2), ('resource.deleted', 2), ('retention.changed', 2), ('retention.dropped', 2),
  ('revocation.acknowledged', 2), ('session.ended', 2), ('session.opened', 2), ('session.refused', 2), ('sign_in_provider.changed', 2),
  ('sign_in_provider.created', 2), ('sign_in_provider.deleted', 2), ('signing_key.activated', 2), ('signing_key.created', 2),
  ('signing_key.published', 2), ('signing_key.replaced', 2), ('signing_key.retired', 2), ('signing_key.revoked', 2),
  ('stream.changed', 2), ('stream.created', 2), ('stream.deleted', 2), ('stream.status_changed', 2), ('subject.erased', 2),
  ('subject.erasure_finished', 2), ('tenant.created', 2), ('tenant.revoked', 2), ('token.consumed', 3), ('token.revoked', 2),
  ('trust_source.changed', 2), ('trust_source.created', 2), ('trust_source.deleted', 2), ('trust_source.reinstated', 2),
  ('trust_source.revoked', 2), ('trust_source.suspended', 2), ('two_person.changed', 2), ('webhook.changed', 2), ('webhook.created', 2),
  ('webhook.deleted', 2);
create trigger event_class_stays before update or delete or truncate on log.event_class
  for each statement execute function log.refuse_change();

-- Bodies go in two ways, both by functions of this schema: a partition is dropped, or rows are deleted while the function says so to this
-- trigger. Whoever else deletes, the owner too, is refused; a leaf goes in no way.
create or replace function log.refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and tg_table_schema = 'log' and tg_table_name like 'body%' and current_user = 'mayfly_log'
    and current_setting('mayfly.forgets', true) = 'on' then return null;
  end if;
  raise exception 'the audit log is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

create table log.body_security partition of log.body for values in (2) partition by range (at);
create table log.body_security_rest partition of log.body_security default;
create table log.body_short partition of log.body for values in (3) partition by range (at);
create table log.body_short_rest partition of log.body_short default;
do $$
declare
  v_table text;
begin
  foreach v_table in array array['body_security', 'body_security_rest', 'body_short', 'body_short_rest'] loop
    execute format('create trigger body_append_only before update or delete or truncate on log.%I
      for each statement execute function log.refuse_change()', v_table);
  end loop;
end $$;

create or replace function log.ensure_partitions(p_from timestamptz, p_months integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_class text;
  v_start timestamptz;
  v_name text;
begin
  for v_class in select c.name from log.retention_class c order by c.code loop
    v_start := date_trunc('month', p_from, 'UTC');
    for i in 1 .. least(p_months, 36) loop
      v_name := format('body_%s_%s', v_class, to_char(v_start at time zone 'UTC', 'YYYY_MM'));
      if to_regclass('log.' || v_name) is null then
        execute format('create table log.%I partition of log.%I for values from (%L) to (%L)',
          v_name, 'body_' || v_class, v_start, v_start + interval '1 month');
        execute format('create trigger body_append_only before update or delete or truncate on log.%I
          for each statement execute function log.refuse_change()', v_name);
      end if;
      v_start := v_start + interval '1 month';
    end loop;
  end loop;
end $$;
select log.ensure_partitions(now(), 3);

-- log.append as it stands, with one statement changed: a body goes where its event's type belongs.
do $$
declare
  v_before text := pg_get_functiondef('log.append'::regproc);
  v_after text := replace(v_before,
    'select first_position + l.n - 1, 1, v_now, l.body from unnest(v_bodies) with ordinality l(body, n) where l.body <> '''';',
    'select first_position + l.n - 1,
           -- Most are tokens: they are told by their end alone. By bytes: right() counts the characters of the whole leaf, for 2.6 µs.
           case when substr(convert_to(l.leaf, ''UTF8''), octet_length(l.leaf) - 27) = ''"type":"token.issued","v":1}''::bytea
             then 1::smallint else coalesce((
             select c.class from log.event_class c
              where c.type = split_part(split_part(right(l.leaf, 80), ''"type":"'', 2), ''"'', 1)), 1::smallint) end,
           v_now, l.body
      from unnest(v_leaves, v_bodies) with ordinality l(leaf, body, n)
     where l.body <> '''';');
begin
  if v_after = v_before then raise exception 'log.append has changed: give bodies their class anew'; end if;
  execute v_after;
end $$;

-- Partitions of months that are over for somebody. whole: for everybody, and nobody holds anything.
create function log.bodies_due() returns table (partition text, class text, month text, whole boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    with said as (
      select c.name, least(c.months, min(m.months)) as shortest, greatest(c.months, max(m.months)) as longest
        from log.retention_class c
        left join (select r.*, v.class, v.months from mayfly.retention r,
                   lateral (values ('security', r.security), ('standard', r.standard), ('short', r.short)) v(class, months)) m
          on m.class = c.name
       group by c.name, c.months
    )
    select p.name, s.name, p.month, p.ends + make_interval(months => s.longest) <= clock_timestamp()
        and not exists (select from mayfly.legal_hold h where h.lifted_at is null)
      from said s,
           lateral (select c.relname::text as name, replace(right(c.relname, 7), '_', '-') as month,
                           (replace(right(c.relname, 7), '_', '-') || '-01 00:00:00Z')::timestamptz + interval '1 month' as ends
                      from pg_inherits i join pg_class c on c.oid = i.inhrelid
                     where i.inhparent = ('log.body_' || s.name)::regclass
                       and c.relname ~ ('^body_' || s.name || '_[0-9]{4}_[0-9]{2}$')) p
     where p.ends + make_interval(months => s.shortest) <= clock_timestamp()
     order by p.name;
end $$;

-- Drops one such partition, with the event that tells of it; false: it is not over, or somebody holds something in it.
--
-- The head first: an append holds it while it asks for the table, so the other way round each would wait for the other. Whoever reads bodies
-- at the time is waited for a moment only, since appends wait meanwhile; it is tried again.
create function log.drop_bodies(p_partition text, p_leaf text, p_body text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '300ms' as $$
begin
  perform from log.head h where h.id = 1 for update;
  if not exists (select from log.bodies_due() d where d.partition = p_partition and d.whole) then return false; end if;
  execute format('drop table log.%I', p_partition);
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint],
    array[1], p_leaf, p_body);
  return true;
end $$;

-- The positions that a partition which is due has bodies of, the last one too; null: none.
create function log.extent_of_bodies(p_partition text, out first bigint, out last bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from log.bodies_due() d where d.partition = p_partition) then return; end if;
  execute format('select min(b.position), max(b.position) from log.%I b', p_partition) into first, last;
end $$;

-- Where a partition cannot go as a whole: deletes of [p_from, p_to) what is over for its tenant and nobody holds; answers how many.
create function log.thin_bodies(p_partition text, p_from bigint, p_to bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_hashjoin = on set enable_mergejoin = on set enable_seqscan = on as $$
declare
  v_due record;
  v_ends timestamptz;
  v_months integer;
  v_count bigint;
begin
  select d.* into v_due from log.bodies_due() d where d.partition = p_partition;
  if not found then return 0; end if;
  v_ends := (v_due.month || '-01 00:00:00Z')::timestamptz + interval '1 month';
  select c.months into strict v_months from log.retention_class c where c.name = v_due.class;
  perform set_config('mayfly.forgets', 'on', true);
  execute format($q$
    delete from log.%I b using (
      select e.position, substring(e.leaf from '"tenant":"([0-9a-f-]{36})"')::uuid as tenant,
             substring(e.leaf from '"account":"([0-9a-f-]{36})"')::uuid as account, substring(e.leaf from '"agent":"([0-9a-f-]{36})"')::uuid as agent
        from log.entry e where e.position >= $1 and e.position < $2
    ) l left join mayfly.retention r on r.tenant_id = l.tenant
    where b.position >= $1 and b.position < $2 and b.position = l.position
      and $3 + make_interval(months => coalesce(r.%I, $4)) <= clock_timestamp()
      and not exists (select from mayfly.legal_hold h where h.lifted_at is null and h.tenant_id = l.tenant and (
            h.kind = 'tenant' or h.kind = 'account' and h.target_id = l.account or h.kind = 'agent' and h.target_id = l.agent
            or h.kind = 'person' and b.body like '%%psn_' || replace(h.target_id::text, '-', '') || '%%'
            or substring(b.body from '"subject_key":"([0-9a-f-]{36})"')::uuid = any(h.key_ids)))
  $q$, p_partition, v_due.class) using p_from, p_to, v_ends, v_months;
  get diagnostics v_count = row_count;
  perform set_config('mayfly.forgets', '', true);
  return v_count;
end $$;

-- Goes through the next p_window entries for what an erasure's keys had sealed: those bodies go, and the accounts that were opened by that
-- subject keep neither its hash nor the name of its task. It goes no further than the projection and the records of use have come: what
-- they take from a body is ours, and stays. finished: nothing can come any more that the keys have sealed, because no broker has had them
-- for p_grace seconds.
create function log.forget_bodies(p_erasure uuid, p_window bigint, p_grace integer, out finished boolean, out swept_to bigint, out removed bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_hashjoin = on set enable_mergejoin = on set enable_seqscan = on as $$
declare
  v_erasure record;
  v_end bigint;
  v_read bigint;
  v_to bigint;
  v_removed bigint;
  v_late boolean;
begin
  select e.* into strict v_erasure from mayfly.erasure e where e.id = p_erasure for update;
  finished := v_erasure.swept_at is not null;
  swept_to := v_erasure.swept_to;
  removed := v_erasure.removed;
  if finished then return; end if;
  if exists (select from mayfly.subject_key k where k.id = any(v_erasure.key_ids)) then
    raise exception 'log.forget_bodies: a key of this erasure is still there' using errcode = 'object_not_in_prerequisite_state';
  end if;
  v_late := clock_timestamp() >= v_erasure.asked_at + make_interval(secs => p_grace);
  select least(h.size, c.position, u.position), coalesce(v_erasure.sweep_end, case when v_late then h.size end) into strict v_read, v_end
    from log.head h, log.event_cursor c, mayfly.usage_cursor u where h.id = 1 and c.id = 1 and u.id = 1;
  v_to := greatest(v_erasure.swept_to, least(v_erasure.swept_to + p_window, v_read));
  perform set_config('mayfly.forgets', 'on', true);
  with gone as (
    delete from log.body b where b.position >= v_erasure.swept_to and b.position < v_to
       and substring(b.body from '"subject_key":"([0-9a-f-]{36})"')::uuid = any(v_erasure.key_ids)
    returning b.position
  ), opened as (
    select substring(e.leaf from '"account":"([0-9a-f-]{36})"')::uuid as id from gone g join log.entry e on e.position = g.position
     where e.leaf like '%"type":"account.opened"%'
  ), unnamed as (
    update mayfly.account a set opener = sha256(uuid_send(gen_random_uuid())), task_id = 'erased_' || replace(a.id::text, '-', '')
      from opened o where a.id = o.id
  )
  select v_erasure.removed + count(*) into v_removed from gone;
  perform set_config('mayfly.forgets', '', true);
  finished := coalesce(v_to >= v_end, false);
  swept_to := v_to;
  removed := v_removed;
  update mayfly.erasure e set swept_to = v_to, sweep_end = v_end, removed = v_removed,
      swept_at = case when finished then clock_timestamp() end
   where e.id = p_erasure;
end $$;

-- Accounts of the tenant in force that live and were opened by whoever these keys are of, as far as the projection has come.
create function log.living_accounts(p_keys uuid[], p_limit integer) returns table (id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select a.id from mayfly.account a
      join log.event e on e.account_id = a.id and e.tenant_id = a.tenant_id and e.type = 'account.opened'
      join log.body b on b.position = e.position
     where a.tenant_id = nullif(current_setting('mayfly.tenant', true), '')::uuid
       and (a.state in ('c', 'h') or a.state = 'a' and a.deadline > clock_timestamp())
       and substring(b.body from '"subject_key":"([0-9a-f-]{36})"')::uuid = any(p_keys)
     order by a.id limit p_limit;
end $$;

revoke all on function log.bodies_due, log.drop_bodies, log.extent_of_bodies, log.thin_bodies, log.forget_bodies, log.living_accounts from public;
grant execute on function log.bodies_due, log.drop_bodies, log.extent_of_bodies, log.thin_bodies, log.forget_bodies, log.living_accounts
  to mayfly_app;

set local role mayfly_across;

-- The keys of a subject, in one tenant; without one in each, for a person of the deployment. p_subject: hex.
create function across.find_subject_keys(p_tenant uuid, p_subject text)
  returns table (id uuid, tenant_id uuid, key_sealed bytea, kek_id text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query select k.id, k.tenant_id, k.key_sealed, k.kek_id from mayfly.subject_key k
    where k.subject_hash = decode(p_subject, 'hex') and (p_tenant is null or k.tenant_id = p_tenant) order by k.id;
end $$;

-- The same by their ids: what a restored backup has brought back.
create function across.find_keys_by_id(p_ids uuid[]) returns table (id uuid, tenant_id uuid, key_sealed bytea, kek_id text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query select k.id, k.tenant_id, k.key_sealed, k.kek_id from unnest(p_ids) n(id) join mayfly.subject_key k on k.id = n.id;
end $$;

-- Whether a hold covers any of these people or keys.
create function across.is_held(p_tenants uuid[], p_persons uuid[], p_keys uuid[]) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return exists (select from mayfly.legal_hold h where h.lifted_at is null and h.tenant_id = any(p_tenants) and (
    h.kind = 'tenant' or h.key_ids && p_keys or h.kind = 'person' and h.target_id = any(p_persons)
    -- Which subjects came by is not known of these, so each may have.
    or h.kind in ('account', 'agent') and h.key_ids is null and cardinality(p_keys) > 0));
end $$;

-- Refuses an event that is not the one of this erasure: its leaf commits to a body that tells of it, and of nothing else.
create function across.check_erasure_event(p_erasure mayfly.erasure, p_leaf text, p_body text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_leaf jsonb := p_leaf::jsonb;
  v_body jsonb := p_body::jsonb;
begin
  if v_leaf ->> 'type' is distinct from 'subject.erased' or right(p_leaf, 30) <> '"type":"subject.erased","v":1}'
    or v_leaf ->> 'tenant' is distinct from p_erasure.tenant_id::text or coalesce(length(v_leaf ->> 'salt'), 0) < 22
    or v_leaf ->> 'body_hash' is distinct from
       rtrim(translate(encode(sha256(convert_to((v_leaf ->> 'salt') || p_body, 'UTF8')), 'base64'), '+/', '-_'), '=')
    or v_body ->> 'erasure' is distinct from 'ers_' || replace(p_erasure.id::text, '-', '')
    or v_body ->> 'keys' is distinct from cardinality(p_erasure.key_ids)::text
    or v_body ->> 'people' is distinct from cardinality(p_erasure.person_ids)::text
  then
    raise exception 'across.destroy_subject_keys: that is not the event of this erasure' using errcode = 'invalid_parameter_value';
  end if;
end $$;
revoke all on function across.check_erasure_event from mayfly_app;

-- Destroys the keys of an erasure that this transaction has written down, puts the event that tells of it into the log, and makes every
-- broker forget them: none of their tenants' requests is decided any more on what was before. Refuses what a hold covers, whoever asks;
-- and since nothing else deletes such a key, none is destroyed without its event.
create function across.destroy_subject_keys(p_erasure uuid, p_leaf text, p_body text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_erasure mayfly.erasure;
  v_tenants uuid[];
  v_tenant uuid;
begin
  select e.* into strict v_erasure from mayfly.erasure e where e.id = p_erasure and e.swept_at is null;
  perform across.check_erasure_event(v_erasure, p_leaf, p_body);
  select coalesce(array_agg(distinct k.tenant_id), '{}') into v_tenants from mayfly.subject_key k where k.id = any(v_erasure.key_ids);
  if v_erasure.tenant_id is not null and v_tenants <> array[v_erasure.tenant_id] and v_tenants <> '{}' then
    raise exception 'across.destroy_subject_keys: a key of another tenant' using errcode = 'insufficient_privilege';
  end if;
  -- Whoever places a hold has its tenant's row: what was placed until now is seen below, and what comes finds what is left. A snapshot of before
  -- would not see it.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'across.destroy_subject_keys: only in a transaction that is read committed' using errcode = 'invalid_transaction_state';
  end if;
  perform from mayfly.tenant t where t.id = any(array_append(v_tenants, v_erasure.tenant_id)) order by t.id for no key update;
  if across.is_held(array_append(v_tenants, v_erasure.tenant_id), v_erasure.person_ids, v_erasure.key_ids) then
    raise exception 'across.destroy_subject_keys: a legal hold covers it' using errcode = 'object_in_use';
  end if;
  delete from mayfly.subject_key where id = any(v_erasure.key_ids);
  insert into log.pending (tenant_id, leaf, body) values (v_erasure.tenant_id, p_leaf, p_body);
  foreach v_tenant in array v_tenants loop
    update mayfly.tenant set config_epoch = config_epoch + 1 where id = v_tenant;
    perform pg_notify('mayfly_config', v_tenant::text);
  end loop;
  perform pg_notify('mayfly_erased', p_erasure::text);
  return cardinality(v_erasure.key_ids);
end $$;

-- Tasks are called what their callers call them.
create function across.unname_tasks(p_tenant uuid, p_pattern text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = on as $$
declare
  v_count integer;
begin
  update mayfly.account set task_id = 'erased_' || replace(id::text, '-', '') where tenant_id = p_tenant and task_id ~* p_pattern;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- For the worker: erasures of all tenants whose rows are still looked for, or that do not stand in the ledger yet.
create function across.erasures_under_way(p_limit integer)
  returns table (id uuid, tenant_id uuid, key_ids uuid[], person_ids uuid[], sealed text, sealed_under uuid, sealed_step integer,
    asked_at timestamptz, swept boolean, ledgered boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query select e.id, e.tenant_id, e.key_ids, e.person_ids, e.sealed, e.sealed_under, e.sealed_step, e.asked_at, e.swept_at is not null,
      e.ledgered_at is not null
    from mayfly.erasure e where e.swept_at is null or e.ledgered_at is null order by e.asked_at limit p_limit;
end $$;

-- Tenants that no key was made for yet under which names would be written down.
create function across.tenants_without_erasure_key(p_limit integer) returns table (id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select t.id from mayfly.tenant t where not exists (select from mayfly.erasure_key k where k.tenant_id = t.id) limit p_limit;
end $$;

-- Of these erasures, those that the database knows.
create function across.known_erasures(p_ids uuid[]) returns table (id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select e.id from unnest(p_ids) n(id) join mayfly.erasure e on e.id = n.id;
end $$;

create function across.note_ledgered(p_ids uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update mayfly.erasure set ledgered_at = clock_timestamp() where id = any(p_ids) and ledgered_at is null;
end $$;

-- Who was to be erased stands in the proposal for as long as that waits, and no longer.
create function across.clear_proposed_erasures() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  update mayfly.change set body = null, before = null, after = null
   where operation = 'POST /v1/erasures' and body is not null
     and (status not in ('waiting', 'approved') or expires_at <= clock_timestamp());
  get diagnostics v_count = row_count;
  return v_count;
end $$;
