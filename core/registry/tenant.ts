import type { Signer } from '#core/keys/signer.ts'
import type { Limits } from '#core/quota/limits.ts'
import type { Agent } from './agent.ts'
import type { Resource } from './resource.ts'
import type { TrustSource } from './trust-source.ts'

export interface Tenant {
  readonly id: string
  readonly slug: string
  readonly name: string
  /** The base URL for the first tenant, `<base>/t/<slug>` for the others. */
  readonly issuer: string
  readonly isFirst: boolean
}

/**
 * All that a decision reads of a tenant, at one config epoch. Never changed in place: a change makes a new snapshot, and
 * whatever was derived from the old one (compiled rules, grants) goes with it.
 */
export interface TenantSnapshot {
  readonly tenant: Tenant
  readonly configEpoch: number
  /** Of the tenant, and of its agents that say nothing else. */
  readonly limits: Limits
  /** Of the agent whose accounts strangers get; undefined: this tenant takes none. */
  readonly anonymousAgentId?: string | undefined
  /** uuids of the agents and trust sources that are suspended; undefined: none is. */
  readonly suspended?: ReadonlySet<string> | undefined
  readonly trustSources: ReadonlyMap<string, TrustSource>
  readonly agents: ReadonlyMap<string, Agent>
  readonly resourcesByUri: ReadonlyMap<string, Resource>
  readonly signers: ReadonlyMap<'ES256' | 'RS256', Signer>
  /** Public keys that verifiers may still meet: active and retiring ones. RFC 7517 JWK Set. */
  readonly jwks: { readonly keys: readonly Record<string, unknown>[] }
}
