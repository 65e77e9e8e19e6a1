import { boundForStrangers } from '#core/anonymous/stranger.ts'
import { formatId } from '#core/ids/id.ts'
import type { Keyring } from '#core/keys/keyring.ts'
import type { Signer } from '#core/keys/signer.ts'
import type { PublicJwk, SealedSigningKey } from '#core/keys/signing-key.ts'
import type { Permission } from '#core/permission/permission.ts'
import { type Limits, lowestLimits, standardLimits, withLimits } from '#core/quota/limits.ts'
import { type RegistryRead, readRegistry } from '#db/registry/read-registry.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import type { Agent, AgentRule, AgentSettings } from './agent.ts'
import { issuerOf } from './issuer.ts'
import type { Resource, ResourceConfig } from './resource.ts'
import type { TenantSnapshot } from './tenant.ts'
import { toTrustSource } from './trust-source-kinds/table.ts'

export interface SnapshotDeps {
  readonly db: UnscopedDb
  readonly keyring: Keyring
  /** Without a slash at its end. */
  readonly baseUrl: string
  /** The deployment's defaults; `standardLimits` when nothing is said. */
  readonly limits?: Limits
  /** Called with what was loaded before anybody decides by it. Must not reject. */
  readonly prepare?: (snapshot: TenantSnapshot) => Promise<void>
}

/**
 * All that a decision reads of a tenant, read in one statement together with its config epoch; undefined when there is no
 * such tenant. tenantId: uuid. Throws BrokerError `internal` when a signing key does not open.
 */
export async function loadSnapshot(deps: SnapshotDeps, tenantId: string): Promise<TenantSnapshot | undefined> {
  const read = await readRegistry(deps.db.forTenant(tenantId), tenantId)
  if (!read) return undefined
  const { id, slug, name, isFirst, configEpoch } = read.tenant
  const limits = lowestLimits(withLimits(deps.limits ?? standardLimits, read.limits?.granted), read.limits?.own ?? {})
  const agents = read.agents
    .map(toAgent)
    .map(agent => (agent.id === read.anonymousAgentId ? boundForStrangers(agent, limits) : agent))
  return Object.freeze({
    tenant: Object.freeze({ id, slug, name, isFirst, issuer: issuerOf(deps.baseUrl, { slug, isFirst }) }),
    configEpoch: Number(configEpoch),
    limits: Object.freeze(limits),
    anonymousAgentId: read.anonymousAgentId ?? undefined,
    suspended: read.suspended.length > 0 ? new Set(read.suspended) : undefined,
    trustSources: byKey(read.trustSources.map(toTrustSource), source => source.id),
    agents: byKey(agents, agent => agent.id),
    resourcesByUri: byKey(read.resources.map(toResource), resource => resource.uri),
    signers: await openSigners(deps.keyring, id, read.keys),
    jwks: Object.freeze({ keys: Object.freeze(read.keys.map(key => key.publicJwk)) }),
  })
}

function byKey<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T> {
  return new Map(items.map(item => [key(item), item]))
}

/** Only active keys sign; retiring ones stand in the JWK Set until their last token has ended. */
async function openSigners(keyring: Keyring, tenantId: string, keys: RegistryRead['keys']): Promise<Map<Signer['alg'], Signer>> {
  const stored: SealedSigningKey[] = keys
    .filter(key => key.state === 'active')
    .map(key => ({
      id: key.id,
      tenantId,
      kid: key.kid,
      alg: key.alg as Signer['alg'],
      publicJwk: key.publicJwk as PublicJwk,
      privateSealed: Buffer.from(key.privateSealed, 'base64'),
      kekId: key.kekId,
    }))
  const signers = await keyring.open(tenantId, stored)
  return new Map(signers.map(signer => [signer.alg, signer]))
}

function toAgent(row: RegistryRead['agents'][number]): Agent {
  return {
    id: row.id,
    clientId: formatId('agent', row.id),
    name: row.name,
    owner: row.owner,
    reviewOn: row.reviewOn,
    rules: row.rules as readonly AgentRule[],
    ceilingId: row.ceilingId,
    // Stored in normal form and never changed (`agents.ts`, `addressCeiling`).
    ceiling: JSON.parse(row.permission) as Permission,
    settings: row.settings as AgentSettings,
  }
}

function toResource(row: RegistryRead['resources'][number]): Resource {
  return { id: row.id, uri: row.uri, name: row.name, config: row.config as ResourceConfig }
}
