-- Finds a leaf by its own id, or by the token that it tells of, without an index of either: both ids begin with their time, and the log is
-- in order of time but for how long a commit takes. Two searches by halves, then a look at the leaves in between. Who looks for a proof
-- must not depend on the search projection, which follows the log and can be made anew.

set local role mayfly_across;

-- The first position whose leaf is not older than that; beyond the last where all are.
create function across.position_at(p_ms double precision) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_low bigint := 0;
  v_high bigint := coalesce((select max(e.position) + 1 from log.entry e), 0);
  v_middle bigint;
begin
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    if (select (e.leaf::jsonb->>'time')::double precision < p_ms from log.entry e where e.position = v_middle) then v_low := v_middle + 1;
    else v_high := v_middle; end if;
  end loop;
  return v_low;
end $$;

-- p_id: of the leaf; or p_token: the `jti` of a token, whose issuance it tells of. p_at_ms: when that was; p_within_ms: how far the leaf's
-- place may be from it. No row where there is none. p_tenant: whose it has to be, null: anybody's. Another tenant's leaf takes as long as
-- one that is not there: the search does not end at it.
create function across.find_leaf(p_tenant uuid, p_id uuid, p_token text, p_at_ms double precision, p_within_ms double precision)
  returns table ("position" bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off as $$
declare
  v_text text := case when p_id is not null then format('"id":"%s"', p_id) else format('"token":"%s","type":"token.issued"', p_token) end;
  v_from bigint := across.position_at(p_at_ms - p_within_ms);
  v_to bigint := across.position_at(p_at_ms + p_within_ms);
begin
  return query select e.position from log.entry e
    where e.position >= v_from and e.position < v_to and strpos(e.leaf, v_text) > 0
      and (p_tenant is null or strpos(e.leaf, format('"tenant":"%s"', p_tenant)) > 0) order by e.position limit 1;
end $$;
