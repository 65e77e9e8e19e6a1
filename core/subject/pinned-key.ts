// Keys that an operator vouches for by naming them in an agent's rule: no authority stands between.

import { jwkThumbprint, type PublicKeyJwk } from '#core/jwt/jwk-thumbprint.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

export interface PinnedKey {
  readonly agent: Agent
  readonly trustSourceId: string
  readonly jwk: PublicKeyJwk
  readonly thumbprint: string
}

// Derived from a snapshot and gone with it.
const known = new WeakMap<TenantSnapshot, Map<string, PinnedKey[]>>()

/** The key as its one agent registered it; a key of two agents is nobody's. thumbprint: RFC 7638. */
export function findPinnedKey(snapshot: TenantSnapshot, thumbprint: string): PinnedKey | undefined {
  const [key, ...others] = pinnedKeys(snapshot).get(thumbprint) ?? []
  return others.every(({ agent }) => agent === key?.agent) ? key : undefined
}

/** All keys that an agent registered. */
export function pinnedKeysOf(snapshot: TenantSnapshot, agent: Agent): PinnedKey[] {
  return [...pinnedKeys(snapshot).values()].flat().filter(key => key.agent === agent)
}

function pinnedKeys(snapshot: TenantSnapshot): Map<string, PinnedKey[]> {
  let keys = known.get(snapshot)
  if (keys) return keys
  keys = new Map()
  for (const agent of snapshot.agents.values())
    for (const rule of agent.rules) {
      if (!('jwk' in rule) || !rule.jwk || snapshot.trustSources.get(rule.trust_source)?.kind !== 'pinned') continue
      const jwk = rule.jwk as PublicKeyJwk
      const thumbprint = jwkThumbprint(jwk)
      keys.set(thumbprint, [...(keys.get(thumbprint) ?? []), { agent, trustSourceId: rule.trust_source, jwk, thumbprint }])
    }
  known.set(snapshot, keys)
  return keys
}
