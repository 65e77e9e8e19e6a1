// What the broker decides where a member is left out and no default stands in its schema: it follows from the preset of a trust
// source, or is the tenant's own. Such members are taken from what is registered.

import type { Thing } from '../broker/broker.ts'
import type { Section } from './kinds.ts'

export interface Surroundings {
  /** Issuer of the caller's tenant. */
  readonly ownIssuer: string | undefined
  /** Trust sources by name, registered or in the file. */
  readonly trustSources: ReadonlyMap<string, Thing>
}

/** The body with those members that it leaves to the broker. */
export function withDerived(section: Section, body: Thing, registered: Thing, surroundings: Surroundings): Thing {
  if (section === 'trust_sources') return sourceWithDerived(body, registered, surroundings)
  if (section === 'agents') return agentWithDerived(body, registered, surroundings)
  return body
}

function sourceWithDerived(body: Thing, registered: Thing, { ownIssuer }: Surroundings): Thing {
  if (body['kind'] !== 'openid' || registered['kind'] !== 'openid') return body
  const ofPreset = body['preset'] === undefined ? [] : ['issuer', 'algorithms', 'max_age_seconds']
  return { audience: ownIssuer ?? registered['audience'], ...pick(registered, ofPreset), ...body }
}

/** Run claims come from the presets of its trust sources. */
function agentWithDerived(body: Thing, registered: Thing, { trustSources }: Surroundings): Thing {
  const rules = body['rules'] as readonly Thing[]
  if (rules.every(rule => trustSources.get(String(rule['trust_source']))?.['preset'] === undefined)) return body
  const derived = pick(registered['settings'] as Thing, ['instance_claims', 'task_claims'])
  return { ...body, settings: { ...derived, ...(body['settings'] as Thing | undefined) } }
}

const pick = (thing: Thing, members: readonly string[]): Thing =>
  Object.fromEntries(members.map(member => [member, thing[member]]))
