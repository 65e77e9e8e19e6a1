// A log of years in minutes: the database itself makes leaves and bodies as the broker writes them, of the same length and with the same
// spread, and the product's own function projects them. What a leaf claims of hashes is random text.

import type { Sql } from 'postgres'

export interface Fill {
  readonly tenantId: string
  readonly otherTenantId: string
  /** The first position of what was added. */
  readonly first: number
  readonly entries: number
  /** Milliseconds since the epoch; spread evenly. */
  readonly fromMs: number
  readonly toMs: number
}

const chunk = 50_000

/** Ids that the filling and the questions both can name by a number. */
const uuidOf = (kind: string, number: string): string =>
  `(lpad(to_hex(${number}), 12, '0') || '7' || substr(md5('${kind}' || (${number})::text), 1, 19))::uuid`
const accountMs = 'at.account_ms'

/** The account number k lives over ten entries: opened, six tokens, something that guards or the broker refused, its end, its collection. */
const chunkSql = `
  with e as materialized (
    select i as position, i - $2::bigint as n, (i - $2::bigint) % 10 as j, greatest(0, (i - $2::bigint) / 10 - ((i - $2::bigint) % 10) * 37) as k,
           ($4::float8 + (i - $2::bigint) * $5::float8)::bigint as ms
      from generate_series($1::bigint, $1::bigint + $3::bigint - 1) i
  ), at as (
    select e.*, ($4::float8 + e.k * 10 * $5::float8)::bigint as account_ms,
           -- A few agents do most; one has not been seen since the first hundredth.
           case when e.k < $8::bigint / 1000 and e.k % 3 = 0 then 1000 else (power((e.k * 7919) % 1000, 2) / 1000)::int end as agent,
           (e.n % 500 = 499) as is_change
      from e
  ), said as (
    select at.*, case when at.agent % 5 = 4 then $7 else $6 end as tenant, ${uuidOf('account', accountMs)} as account,
           ${uuidOf('agent', 'at.agent')} as agent_id,
           case when at.is_change then (array['resource.changed', 'agent.changed', 'limits.changed', 'credential.created'])[1 + (at.n / 500) % 4]
             when at.j = 0 then 'account.opened' when at.j between 1 and 6 then 'token.issued'
             when at.j = 7 then case when at.k % 5 < 2 then 'token.denied' else 'decisions.reported' end
             when at.j = 8 then case when at.k % 3 = 0 then 'account.expired' else 'account.completed' end
             else 'account.reaped' end as type
      from at
  ), written as (
    insert into log.entry (position, leaf)
      select s.position, '{' || case when s.is_change or s.type = 'decisions.reported' then '' else '"account":"' || s.account || '","agent":"' || s.agent_id || '",' end
        || '"body_hash":"' || left(encode(sha256(s.position::text::bytea), 'base64'), 43) || '",'
        || case when s.type = 'token.issued' then '"claims_hash":"' || left(encode(sha256(s.n::text::bytea), 'base64'), 43) || '",' else '' end
        || '"id":"' || ${uuidOf('event', 's.ms')} || '",'
        || case when s.j < 7 and not s.is_change or s.type = 'token.denied' then '"private_hash":"' || left(encode(sha256(s.k::text::bytea), 'base64'), 43) || '",' else '' end
        || '"salt":"' || substr(md5(s.n::text), 1, 22) || '","tenant":"' || s.tenant || '","time":' || s.ms || ','
        || case when s.type = 'token.issued' then '"token":"at_' || replace(${uuidOf('token', 's.ms')}::text, '-', '') || '",' else '' end
        || '"type":"' || s.type || '","v":1}'
        from said s order by s.position
  )
  insert into log.body (position, retention, at, body)
    select s.position, coalesce(c.class, 1::smallint), to_timestamp(s.ms::float8 / 1000), case
        when s.is_change then '{"actor":"crd_' || md5('actor' || s.n / 500 % 20) || '","actor_person":"psn_' || md5('person' || s.n / 500 % 7)
          || '","actor_role":"tenant-admin","resource":"res_' || md5('resource' || s.n / 500 % 50) || '"}'
        when s.type = 'token.issued' then '{"binding":"pop","config_epoch":' || 9 + s.n / 50000 || ',"expires":' || s.ms / 1000 + 300 || ',"generation":1,"narrowed":false,"resource":"'
          || md5('resource' || s.k % 50)::uuid || '","trust_source":"' || md5('source')::uuid || '","private":"' || repeat(md5(s.k::text), 10) || '","subject_key":"' || md5('key' || s.k % 5000)::uuid || '"}'
        when s.type = 'account.opened' then '{"ceiling":"1","deadline":' || s.ms / 1000 + 3600 || ',"private":"' || repeat(md5(s.k::text), 10) || '","subject_key":"' || md5('key' || s.k % 5000)::uuid || '"}'
        when s.type = 'token.denied' then '{"code":"scope_refused","config_epoch":' || 9 + s.n / 50000 || ',"reason":"' || (array['unknown_scope', 'agent_ceiling', 'account_over', 'proof_missing', 'resource_refused'])[1 + s.k % 5]
          || '","trust_source":"' || md5('source')::uuid || '","private":"' || repeat(md5(s.k::text), 8) || '","subject_key":"' || md5('key' || s.k % 5000)::uuid || '"}'
        when s.type = 'decisions.reported' then '{"allowed":3,"decisions":[{"time":' || s.ms / 1000 || ',"outcome":"allow","reason":"ok","account_id":"acct_' || replace(s.account::text, '-', '')
          || '","count":3}],"denied":0,"resource":"' || md5('resource' || s.k % 50)::uuid || '"}'
        when s.type = 'account.expired' then '{"late_ms":4}' else '{}' end
      from said s left join log.event_class c on c.type = s.type order by s.position`

/** admin: a superuser's connection. Two tenants share the entries four to one. */
export async function fillLog(
  admin: Sql,
  wanted: Pick<Fill, 'tenantId' | 'otherTenantId' | 'entries'> & { readonly days: number },
  tell: (line: string) => unknown,
): Promise<Fill & { readonly fillMs: number }> {
  const began = performance.now()
  const [head] = await admin<[{ size: number }]>`select size::float8 as size from log.head`
  const first = head.size
  const toMs = Date.now() - 60_000
  const fromMs = toMs - wanted.days * 86_400_000
  const { entries, tenantId, otherTenantId } = wanted
  await admin`select log.ensure_partitions(to_timestamp(${fromMs}::float8 / 1000), ${Math.min(36, Math.ceil(wanted.days / 28) + 2)})`
  for (let done = 0; done < entries; done += chunk) {
    const count = Math.min(chunk, entries - done)
    await admin.unsafe(chunkSql, [
      first + done,
      first,
      count,
      fromMs,
      (toMs - fromMs) / entries,
      tenantId,
      otherTenantId,
      entries / 10,
    ])
    await admin`update log.head set size = size + ${count}`
    if ((done / chunk) % 20 === 0) tell(`${done + count} of ${entries} entries`)
  }
  return { ...wanted, first, fromMs, toMs, fillMs: performance.now() - began }
}

/** Ids of things in the middle of what was filled. */
export async function namesIn(admin: Sql, { first, entries, tenantId }: Fill, count: number): Promise<Names[]> {
  return admin<Names[]>`
    select replace(e.account_id::text, '-', '') as account, replace(e.agent_id::text, '-', '') as agent, replace(e.token_id::text, '-', '') as token
      from generate_series(1, ${count}) g
      cross join lateral (select * from log.event e where e.position >= ${first} + (${entries}::float8 * (g - 0.5) / ${count})::bigint
        and e.tenant_id = ${tenantId} and e.type = 'token.issued' order by e.position limit 1) e`
}

export interface Names {
  readonly account: string
  readonly agent: string
  readonly token: string
}
