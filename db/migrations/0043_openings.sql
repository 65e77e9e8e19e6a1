-- The opening of an account is asked for as long as the account lives: whoever owns it reads there whether its agent can prove again who it
-- is, and a legal hold reads there which key it covers. Two things could take it away before.

set local role mayfly_log;

-- Bodies go tenant by tenant and class by class, so a stretch without any is no longer older than every account that lives, and halving by
-- the times of bodies may miss. The search projection knows the very place; it is asked second, since it follows the log.
alter function log.find_opening(uuid, timestamptz) rename to find_opening_by_time;
revoke all on function log.find_opening_by_time from mayfly_app;
create function log.find_opening(p_account uuid, p_opened_at timestamptz) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return coalesce(log.find_opening_by_time(p_account, p_opened_at), (
    select b.body from log.event e join log.body b on b.position = e.position
     where e.account_id = p_account and e.type = 'account.opened' and e.tenant_id = nullif(current_setting('mayfly.tenant', true), '')::uuid
     order by e.position limit 1));
end $$;
revoke all on function log.find_opening from public;
grant execute on function log.find_opening to mayfly_app;

-- A claimed account has no deadline, so its opening stays beyond its time, until the account is closed; an erasure still takes it.
do $$
declare
  v_before text;
  v_after text;
begin
  v_before := pg_get_functiondef('log.bodies_due'::regproc);
  v_after := replace(v_before, 'and not exists (select from mayfly.legal_hold h where h.lifted_at is null)',
    'and not exists (select from mayfly.legal_hold h where h.lifted_at is null)
        and not (s.name = ''standard'' and exists (
          select from mayfly.claim c join mayfly.account a on a.id = c.account_id
           where a.state = ''c'' and a.opened_at < p.ends and a.opened_at >= p.ends - interval ''32 days''))');
  if v_after = v_before then raise exception 'log.bodies_due has changed: keep openings anew'; end if;
  execute v_after;

  v_before := pg_get_functiondef('log.thin_bodies'::regproc);
  v_after := replace(replace(v_before, ''')::uuid as agent', ''')::uuid as agent,
             e.leaf like ''%%"type":"account.opened"%%'' as opens'), 'b.position = l.position', 'b.position = l.position
      and not (l.opens and exists (select from mayfly.account a where a.id = l.account and a.state = ''c''))');
  if v_after not like '% as opens%' or v_after not like '%not (l.opens%' then raise exception 'log.thin_bodies has changed: keep openings anew'; end if;
  execute v_after;
end $$;
