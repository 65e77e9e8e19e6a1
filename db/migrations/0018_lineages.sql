-- Where child accounts descend from, for brokers that serve many tenants in one batch.

set local role mayfly_owner;
grant select on mayfly.account, mayfly.lineage to mayfly_across;

set local role mayfly_across;
-- The lineages of those of these accounts that are children. live: each ancestor is active, at the generation that it had when
-- the child was opened, and before its deadline. The commit judges that again.
create function across.read_lineages(p_tenants uuid[], p_accounts uuid[])
  returns table (account_id uuid, root_id uuid, parent_id uuid, depth smallint, max_depth smallint, ancestors uuid[],
    generations integer[], agents uuid[], quota jsonb, live boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query
    select l.account_id, l.root_id, l.parent_id, l.depth, l.max_depth, l.ancestors, l.generations, l.agents, l.quota,
           not exists (
             select from unnest(l.ancestors, l.generations) g(id, generation) left join mayfly.account a on a.id = g.id
              where (a.generation = g.generation and a.state = 'a' and a.deadline > clock_timestamp()) is not true)
      from unnest(p_tenants, p_accounts) n(tenant, account)
      join mayfly.lineage l on l.account_id = n.account and l.tenant_id = n.tenant;
end $$;
