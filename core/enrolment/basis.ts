import { hash } from 'node:crypto'
import { canonicalJson } from '#core/json/canonical.ts'
import type { Agent } from '#core/registry/agent.ts'
import { isTrusted } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

/**
 * What an enrolment by the word of a trust source rests on: the source as it is registered, the agent's rules for it, and what tells
 * instances apart. Hex of SHA-256; undefined where it is not enough (any more). A renewal shows a certificate and not that word, so
 * it counts only while all of this is the same: else a rule that was taken away would live on in certificates for ever.
 */
export function basisOf(snapshot: TenantSnapshot, agent: Agent, trustSourceId: string): string | undefined {
  const source = snapshot.trustSources.get(trustSourceId)
  const rules = agent.rules.filter(rule => rule.trust_source === trustSourceId)
  if (!source || rules.length === 0 || agent.settings.may_enroll !== true) return undefined
  if (!isTrusted(snapshot, trustSourceId)) return undefined
  // What people call it decides nothing.
  const basis = { source: { ...source, name: '' }, rules, instances: agent.settings.instance_claims }
  return hash('sha256', canonicalJson(JSON.parse(JSON.stringify(basis))), 'hex')
}

/** Of every trust source that the agent has rules for. */
export function basesOf(snapshot: TenantSnapshot, agent: Agent): string[] {
  const sources = new Set(agent.rules.map(rule => rule.trust_source))
  return [...sources].map(id => basisOf(snapshot, agent, id)).filter(basis => basis !== undefined)
}
