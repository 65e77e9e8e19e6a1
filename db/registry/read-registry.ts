import { sql } from 'kysely'
import type { Db } from '../connect.ts'

/** Everything that a decision reads of one tenant, as of one moment. Binary columns are base64, `ceilingId` is text. */
export interface RegistryRead {
  readonly tenant: {
    readonly id: string
    readonly slug: string
    readonly name: string
    readonly isFirst: boolean
    readonly configEpoch: string
  }
  /** The agent for strangers; null: this tenant takes none. */
  readonly anonymousAgentId: string | null
  /** uuids of agents and trust sources. */
  readonly suspended: readonly string[]
  /** null: nothing but the deployment's defaults. */
  readonly limits: {
    readonly granted: Readonly<Record<string, number | null>>
    readonly own: Readonly<Record<string, number | null>>
  } | null
  readonly keys: readonly {
    readonly id: string
    readonly kid: string
    readonly alg: string
    readonly publicJwk: Record<string, unknown>
    readonly privateSealed: string
    readonly kekId: string
    readonly state: 'next' | 'active' | 'retiring'
  }[]
  readonly trustSources: readonly {
    readonly id: string
    readonly name: string
    readonly kind: string
    readonly issuer: string | null
    readonly audience: string | null
    readonly config: unknown
  }[]
  readonly agents: readonly {
    readonly id: string
    readonly name: string
    readonly owner: string
    readonly reviewOn: string
    readonly rules: unknown
    readonly settings: unknown
    readonly ceilingId: string
    readonly permission: string
  }[]
  readonly resources: readonly { readonly id: string; readonly uri: string; readonly name: string; readonly config: unknown }[]
}

/**
 * One statement, hence one snapshot of the database: the config epoch read here is the one of exactly these rows, which is
 * what makes it safe to decide on them and compare the epoch at the commit.
 */
export async function readRegistry(db: Db, tenantId: string): Promise<RegistryRead | undefined> {
  const { rows } = await sql<RegistryRead>`
    select json_build_object('id', t.id, 'slug', t.slug, 'name', t.name, 'isFirst', t.is_first, 'configEpoch', t.config_epoch::text) as tenant,
      (select o.agent_id from mayfly.anonymous_opening o where o.tenant_id = t.id) as "anonymousAgentId",
      (select coalesce(json_agg(s.id), '[]') from (
        select a.id from mayfly.agent a where a.tenant_id = t.id and a.suspended_at is not null
        union all select s.id from mayfly.trust_source s where s.tenant_id = t.id and s.suspended_at is not null) s) as suspended,
      (select json_build_object('granted', l.granted, 'own', l.own) from mayfly.tenant_limits l where l.tenant_id = t.id) as limits,
      coalesce((select json_agg(json_build_object('id', k.id, 'kid', k.kid, 'alg', k.alg, 'publicJwk', k.public_jwk,
          'privateSealed', encode(k.private_sealed, 'base64'), 'kekId', k.kek_id, 'state', k.state) order by k.id)
        from mayfly.signing_key k where k.tenant_id = t.id and k.state in ('next', 'active', 'retiring')), '[]') as keys,
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name, 'kind', s.kind, 'issuer', s.issuer,
          'audience', s.audience, 'config', case s.kind when 'builtin_ca' then jsonb_build_object('anchors_pem', coalesce((
            select jsonb_agg(c.certificate_pem order by c.id) from mayfly.ca_key c where c.tenant_id = t.id and c.state <> 'retired'), '[]'))
          else s.config end) order by s.id)
        from mayfly.trust_source s where s.tenant_id = t.id), '[]') as "trustSources",
      coalesce((select json_agg(json_build_object('id', a.id, 'name', a.name, 'owner', a.owner, 'reviewOn', a.review_on,
          'rules', a.rules, 'settings', a.settings, 'ceilingId', c.id::text, 'permission', c.permission) order by a.id)
        from mayfly.agent a join mayfly.ceiling c on c.id = a.ceiling_id where a.tenant_id = t.id), '[]') as agents,
      coalesce((select json_agg(json_build_object('id', r.id, 'uri', r.uri, 'name', r.name, 'config', r.config) order by r.id)
        from mayfly.resource r where r.tenant_id = t.id), '[]') as resources
    from mayfly.tenant t where t.id = ${tenantId}::uuid`.execute(db)
  return rows[0]
}
