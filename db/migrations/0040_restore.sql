-- What follows when the database is an earlier one than what was sealed or handed out: a backup was restored
-- (docs/decisions/0039-restore.md). The log gets a new shard whose first words name the fork, every earlier token is dead at broker
-- and guards, and what may have been revoked in the lost time waits until somebody has looked at it.

set local role mayfly_owner;

-- Since when it waits for that; null: it does not. Only together with `suspended_at`, so whoever reinstates it ends both.
alter table mayfly.agent add column held_at timestamptz;
alter table mayfly.trust_source add column held_at timestamptz;
create function mayfly.end_hold() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.held_at := null;
  return new;
end $$;
revoke all on function mayfly.end_hold from public;
create trigger agent_end_hold before update on mayfly.agent for each row
  when (new.suspended_at is null and new.held_at is not null) execute function mayfly.end_hold();
create trigger trust_source_end_hold before update on mayfly.trust_source for each row
  when (new.suspended_at is null and new.held_at is not null) execute function mayfly.end_hold();

-- An account that waits has a state of its own, `h`: whatever asks whether an account is live finds that it is not.
create index account_held on mayfly.account (tenant_id, id) where state = 'h';

grant update (config_epoch) on mayfly.tenant to mayfly_log;
grant select, update (suspended_at, held_at) on mayfly.agent, mayfly.trust_source to mayfly_log;
grant select, update (state, state_since, private_sealed, kek_id) on mayfly.signing_key to mayfly_log;
grant select, update (shard) on mayfly.feed to mayfly_log;
grant select, update (expires_at) on mayfly.credential, mayfly.join_token to mayfly_log;
grant select, update (status) on mayfly.change to mayfly_log;
grant select, delete on mayfly.claim_code to mayfly_log;
grant select on mayfly.agent, mayfly.trust_source, mayfly.account, mayfly.signing_key to mayfly_across;

set local role mayfly_log;

-- Of a held account: its end. What it counted for it does not count for while it is held.
insert into log.transition values ('revoke', 'h', 'r', null, true, 'yes');

create table log.fork (
  id            uuid primary key,
  at            timestamptz not null,
  from_shard    uuid not null unique,
  to_shard      uuid not null unique,
  -- How many leaves the restored log had: those of the earlier shard, and the first ones of the new.
  size          bigint not null,
  -- The last checkpoint of the earlier shard that is known; null: none is.
  sealed_size   bigint,
  sealed_root   text
);
-- Nobody is served before everything that a fork needs was done; done again, it changes nothing.
create table log.fork_finished (
  fork_id       uuid primary key references log.fork,
  at            timestamptz not null
);
-- Logs that had been sealed and that the database had never heard of when a fork was made: what an earlier restore of the same backup had
-- begun. Once they stand here they are known, and are no reason to begin anew.
create table log.fork_unknown (
  shard         uuid primary key,
  fork_id       uuid not null references log.fork,
  -- Of its last checkpoint; null: nobody can verify that.
  size          bigint,
  root          text
);
create trigger fork_append_only before update or delete or truncate on log.fork
  for each statement execute function log.refuse_change();
create trigger fork_finished_append_only before update or delete or truncate on log.fork_finished
  for each statement execute function log.refuse_change();
create trigger fork_unknown_append_only before update or delete or truncate on log.fork_unknown
  for each statement execute function log.refuse_change();
grant select on log.fork, log.fork_finished, log.fork_unknown to mayfly_app;

-- Active accounts wait; one whose deadline is past is over already. They do not count for anybody's room meanwhile.
create function log.hold_accounts(p_now timestamptz) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_count bigint;
begin
  -- Its owner lets the agent of a claimed account in again, as after a claim.
  update mayfly.account a set readmitted = false where a.state = 'c' and a.readmitted;
  with held as (
    update mayfly.account a set state = 'h' where a.state = 'a' and a.deadline > p_now
    returning a.id, a.tenant_id, a.agent_id, a.root_id, a.address_scope
  ), less as (
    select w.scope, count(*) as accounts from held h
      left join mayfly.lineage y on h.root_id is not null and y.account_id = h.id,
      lateral (values (h.tenant_id), (h.agent_id), (y.parent_id), (h.address_scope)) w(scope)
     where w.scope is not null group by w.scope
  ), counted as (
    update mayfly.live_count l set live = greatest(0, l.live - s.accounts) from less s where l.scope = s.scope
  ) select count(*) into v_count from held;
  return v_count;
end $$;

-- Begins a new shard behind `p_size` leaves of `p_from`, all in one transaction. 'moved': the log is not as it was when the leaf was
-- made; look again. p_unknown: [{shard, size, root}], for log.fork_unknown. p_issuers: [{tenant, issuer}], all tenants. p_until: when no
-- verifier can hold anything from before any more.
--
-- Config epochs leap to the time, in units of 10 µs: beyond whatever the database has counted to since any earlier leap, of this restore or
-- of one that it has never heard of, unless more than 100,000 changes a second were made all the while. Fifteen digits until the year 2286,
-- which is what guards read.
create function log.begin_restore(
  p_id uuid, p_from uuid, p_to uuid, p_size bigint, p_sealed_size bigint, p_sealed_root text, p_unknown jsonb, p_issuers jsonb,
  p_until timestamptz, p_leaf text, p_body text, out outcome text, out held bigint
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_head record;
  v_now timestamptz;
  v_keys jsonb;
begin
  select h.shard, h.size into strict v_head from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  if v_head.shard <> p_from or v_head.size <> p_size then outcome := 'moved'; return; end if;
  if exists (select from mayfly.tenant t where not exists (
      select from jsonb_to_recordset(p_issuers) i(tenant uuid) where i.tenant = t.id)) then outcome := 'moved'; return; end if;

  update log.head set shard = p_to where id = 1;
  insert into log.fork values (p_id, v_now, p_from, p_to, p_size, p_sealed_size, p_sealed_root);
  insert into log.fork_unknown select u.shard, p_id, u.size, u.root from jsonb_to_recordset(p_unknown) u(shard uuid, size bigint, root text)
    on conflict do nothing;
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint], array[1],
    p_leaf, p_body);

  -- Who may do what: nothing of it counts until somebody has looked.
  update mayfly.agent set suspended_at = v_now, held_at = v_now where suspended_at is null;
  update mayfly.trust_source set suspended_at = v_now, held_at = v_now where suspended_at is null;
  held := log.hold_accounts(v_now);
  update mayfly.credential set expires_at = v_now where kind in ('bootstrap', 'operator', 'session', 'console') and expires_at > v_now;
  update mayfly.join_token set expires_at = v_now where used_at is null and expires_at > v_now;
  update mayfly.change set status = 'withdrawn' where status in ('waiting', 'approved');
  delete from mayfly.claim_code;

  -- What was handed out: dead by its key where this database knows that, and by its config epoch in any case.
  with before as (
    select k.id, k.tenant_id, k.kid from mayfly.signing_key k where k.state <> 'retired'
  ), retired as (
    update mayfly.signing_key k set state = 'retired', state_since = v_now from before b where k.id = b.id
  ) select coalesce(jsonb_agg(jsonb_build_object('tenant', b.tenant_id, 'kind', 'k', 'subject', b.kid, 'least', null)), '[]') into v_keys from before b;
  update mayfly.tenant set config_epoch = greatest(config_epoch + 1, (extract(epoch from v_now) * 100000)::bigint);
  update mayfly.feed set shard = gen_random_uuid();
  perform log.publish((
    select jsonb_agg(jsonb_build_object('n', e.n, 'tenant', e.tenant, 'id', p_id, 'kind', e.kind, 'subject', e.subject, 'least', e.least,
        'until', ceil(extract(epoch from p_until)), 'cause', e.cause, 'actor', '{"by": "restore"}'::jsonb))
      from (
        select row_number() over (order by x.tenant, x.kind, x.subject) as n, x.* from (
          select k.tenant, k.kind, k.subject, k.least, 'key' as cause
            from jsonb_to_recordset(v_keys) k(tenant uuid, kind text, subject text, least bigint)
          union all
          select t.id, 't', i.issuer, t.config_epoch, 'tenant'
            from jsonb_to_recordset(p_issuers) i(tenant uuid, issuer text) join mayfly.tenant t on t.id = i.tenant) x) e), v_now);
  perform pg_notify('mayfly_config', t.id::text) from mayfly.tenant t;
  outcome := 'begun';
end $$;

create function log.finish_restore(p_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into log.fork_finished values (p_id, clock_timestamp()) on conflict do nothing;
end $$;

-- Held accounts that go on where they stopped, with a leaf for each that does. Outcomes: 0 done; 1 there is none such, or it is not held.
create function log.reinstate_accounts(p_accounts jsonb, p_leaves text, p_bodies text, out outcomes smallint[])
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_tenants uuid[];
  v_leaves text[] := string_to_array(p_leaves, E'\n');
  v_bodies text[] := string_to_array(p_bodies, E'\n');
  v_count int := jsonb_array_length(p_accounts);
begin
  if cardinality(v_leaves) <> v_count or cardinality(v_bodies) <> v_count or v_count > 500 then
    raise exception 'log.reinstate_accounts: % accounts, % leaves, % bodies; 500 at most', v_count, cardinality(v_leaves), cardinality(v_bodies)
      using errcode = 'invalid_parameter_value';
  end if;
  perform from mayfly.account a where a.id in (select c.id from jsonb_to_recordset(p_accounts) c(id uuid)) order by a.id for update;
  perform from log.head h where h.id = 1 for update;
  select array_agg((case when a.state = 'h' then 0 else 1 end)::smallint order by c.n), array_agg(c.tenant order by c.n)
    into outcomes, v_tenants
    from jsonb_to_recordset(p_accounts) c(n int, id uuid, tenant uuid)
    left join mayfly.account a on a.id = c.id and a.tenant_id = c.tenant;
  insert into mayfly.live_count as l (scope, tenant_id, live)
    select w.scope, a.tenant_id, count(*)
      from jsonb_to_recordset(p_accounts) c(n int, id uuid) join mayfly.account a on a.id = c.id
      left join mayfly.lineage y on a.root_id is not null and y.account_id = a.id,
      lateral (values (a.tenant_id), (a.agent_id), (y.parent_id), (a.address_scope)) w(scope)
     where outcomes[c.n] = 0 and w.scope is not null group by w.scope, a.tenant_id
    on conflict (scope) do update set live = l.live + excluded.live;
  update mayfly.account a set state = 'a' from jsonb_to_recordset(p_accounts) c(n int, id uuid) where a.id = c.id and outcomes[c.n] = 0;
  if 0 = any(outcomes) then perform log.append_of_changes(outcomes, v_tenants, v_leaves, v_bodies); end if;
end $$;

revoke all on function log.hold_accounts, log.begin_restore, log.finish_restore, log.reinstate_accounts from public;
grant execute on function log.begin_restore, log.finish_restore, log.reinstate_accounts to mayfly_app;

-- Checkpoints on record that are none: the runtime role may put there what it likes (log.keep_checkpoint), and a sealer refuses to go on from
-- one that it has not signed. Whoever owns the log says which, as mayfly_log, which no process can become; the record stays, and who asks for
-- checkpoints is not given it any more.
create table log.checkpoint_disowned (
  shard         uuid not null,
  size          bigint not null,
  at            timestamptz not null default clock_timestamp(),
  by            text not null default session_user,
  primary key (shard, size)
);
create trigger checkpoint_disowned_append_only before update or delete or truncate on log.checkpoint_disowned
  for each statement execute function log.refuse_change();
grant select on log.checkpoint_disowned to mayfly_app;

-- Disowns the newest checkpoint on record of the log that is written now, and answers its size; null: there is none. p_verifier_key: the log's
-- own, which the false one may have taken the place of, as c2sp.org/signed-note writes it; left out: that on record is right.
create function log.disown_checkpoint(p_verifier_key text default null) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_shard uuid;
  v_size bigint;
begin
  select h.shard into strict v_shard from log.head h where h.id = 1;
  select max(c.size) into v_size from log.checkpoint c
    where c.shard = v_shard and not exists (select from log.checkpoint_disowned d where d.shard = c.shard and d.size = c.size);
  if v_size is not null then insert into log.checkpoint_disowned (shard, size) values (v_shard, v_size); end if;
  if p_verifier_key is not null then update log.sealer set verifier_key = p_verifier_key where id = 1; end if;
  return v_size;
end $$;
revoke all on function log.disown_checkpoint from public;

set local role mayfly_across;

-- Signing algorithms for which a tenant has no key that signs.
create function across.tenants_without_key(p_algs text[]) returns table (tenant_id uuid, alg text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select t.id, a.alg from mayfly.tenant t cross join unnest(p_algs) a(alg)
    where not exists (select from mayfly.signing_key k where k.tenant_id = t.id and k.alg = a.alg and k.state = 'active') order by t.id, a.alg;
end $$;

-- What waits, by tenant.
create function across.held() returns table (tenant_id uuid, agents bigint, trust_sources bigint, accounts bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select t.id, (select count(*) from mayfly.agent g where g.tenant_id = t.id and g.held_at is not null),
      (select count(*) from mayfly.trust_source s where s.tenant_id = t.id and s.held_at is not null),
      (select count(*) from mayfly.account a where a.tenant_id = t.id and a.state = 'h')
    from mayfly.tenant t order by t.id;
end $$;

-- Held accounts whose deadline is past: nobody needs to look at them any more.
create function across.overdue_holds(p_limit integer) returns table (id uuid, tenant_id uuid, agent_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select a.id, a.tenant_id, a.agent_id from mayfly.account a
    where a.state = 'h' and a.deadline <= clock_timestamp() order by a.tenant_id, a.id limit p_limit;
end $$;
