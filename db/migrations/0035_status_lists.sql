-- Token Status List: for tokens of resources with `status_list`, where in which list they stand, and what a revocation can name of
-- them. Whether one is revoked is not written here: it follows from `mayfly.revocation` whenever the list is read.

set local role mayfly_owner;

create table mayfly.token_status (
  -- Of one broker process and one tenant; each of its places is given to one token, once.
  list          uuid not null,
  idx           integer not null check (idx >= 0),
  tenant_id     uuid not null,
  token_id      uuid not null,
  account_id    uuid not null,
  generation    integer not null,
  root_id       uuid not null,
  -- Who presents it, then those it acts for.
  agents        uuid[] not null,
  config_epoch  bigint not null,
  kid           text not null,
  -- The token's end.
  until         timestamptz not null,
  primary key (list, idx)
);
create index token_status_until on mayfly.token_status (until);
select mayfly.keep_tenants_apart('mayfly.token_status');

grant select on mayfly.token_status to mayfly_app;
grant insert on mayfly.token_status to mayfly_log;
grant select, delete on mayfly.token_status to mayfly_across;

-- The places of revoked tokens among those that have not ended, in order; null: no token is in such a list. Nothing keeps a bit for a
-- token: whether one is revoked follows from the tenant's feed, as it does at every guard (`core/revocation/entry.ts`).
--
-- Without nested loops: how many tokens and entries there will be is not known when the plan is made, and to look for each of the one
-- among all of the other took minutes.
create function mayfly.revoked_places(p_tenant uuid, p_list uuid) returns integer[]
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_nestloop = off as $$
begin
  if not exists (select from mayfly.token_status s where s.list = p_list and s.tenant_id = p_tenant) then return null; end if;
  return coalesce((
    with entry as materialized (
      select r.kind, r.subject, max(coalesce(r.least, 9223372036854775807)) as least,
             case when r.subject ~ '^[a-z]+_[0-9a-f]{32}$' then right(r.subject, 32)::uuid end as named
        from mayfly.revocation r where r.tenant_id = p_tenant and r.until > now() group by r.kind, r.subject
    ), token as materialized (
      select s.* from mayfly.token_status s where s.list = p_list and s.tenant_id = p_tenant and s.until > now()
    ), revoked as (
      select t.idx
        from token t
        left join entry a on a.kind = 'a' and a.named = t.account_id
        left join entry x on x.kind = 'x' and x.named = t.root_id
        left join entry j on j.kind = 'j' and j.named = t.token_id
       where j.named is not null or t.generation < a.least or t.generation < x.least or x.named is not null and t.account_id <> t.root_id
          or t.kid = any(array(select e.subject from entry e where e.kind = 'k'))
          or t.config_epoch < (select max(e.least) from entry e where e.kind = 't')
      union
      select t.idx from (select o.idx, o.config_epoch, unnest(o.agents) as agent from token o) t join entry c on c.kind = 'c' and c.named = t.agent
       where t.config_epoch < c.least
    )
    select array_agg(r.idx order by r.idx) from revoked r), '{}');
end $$;
revoke all on function mayfly.revoked_places from public;
grant execute on function mayfly.revoked_places to mayfly_app;

set local role mayfly_log;

-- With the issuance: a token that can be looked up is in its list, whichever broker answers.
create function log.keep_statuses(p_outcomes smallint[], p_statuses jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into mayfly.token_status (list, idx, tenant_id, token_id, account_id, generation, root_id, agents, config_epoch, kid, until)
    select s.list, s.idx, s.tenant, s.token, s.account, s.generation, s.root, s.agents, s.config, s.kid, to_timestamp(s.until)
      from jsonb_to_recordset(p_statuses) s(n int, tenant uuid, list uuid, idx int, token uuid, account uuid, generation int, root uuid,
        agents uuid[], config bigint, kid text, until double precision)
     where p_outcomes[s.n] = 0;
end $$;
revoke all on function log.keep_statuses from public;

set local role mayfly_across;

-- Nobody takes a token that has ended, whatever its list says; a minute for clocks that differ. Answers how many went.
create function across.delete_ended_statuses(p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  delete from mayfly.token_status where (list, idx) in (
    select list, idx from mayfly.token_status where until < now() - interval '1 minute' limit p_limit);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
