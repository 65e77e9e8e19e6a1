// SPIFFE IDs that the built-in CA gives: `spiffe://<trust domain>/agent/<agt_…>/<instance>`. The path names the agent, so that
// certificates need no rule.

import { parseId } from '#core/ids/id.ts'
import { parseSpiffeId } from './spiffe-id.ts'

export interface AgentSpiffeId {
  /** uuid */
  readonly agentId: string
  readonly instance: string
}

/** clientId: `agt_…`. */
export const writeAgentSpiffeId = (trustDomain: string, clientId: string, instance: string): string =>
  `spiffe://${trustDomain}/agent/${clientId}/${instance}`

/** Undefined for an ID of another trust domain or form. */
export function parseAgentSpiffeId(uri: string, trustDomain: string): AgentSpiffeId | undefined {
  if (parseSpiffeId(uri)?.trustDomain !== trustDomain) return undefined
  const [kind, clientId = '', instance, ...more] = uri.slice(`spiffe://${trustDomain}/`.length).split('/')
  const agentId = parseId('agent', clientId)
  return kind === 'agent' && agentId && instance && more.length === 0 ? { agentId, instance } : undefined
}
