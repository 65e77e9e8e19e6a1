import type { Agent, AgentRule, OpenIdRule } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { claimAt } from './claim-at.ts'
import { compilePattern } from './claim-pattern.ts'
import { refuse, type SubjectRefusal } from './subject.ts'

/** The one agent that has a rule for which `matches` holds. None, or more than one, is a refusal: a proof must be unambiguous. */
export function matchAgent(
  snapshot: TenantSnapshot,
  matches: (rule: AgentRule) => boolean,
): { readonly ok: true; readonly agent: Agent } | SubjectRefusal {
  let found: Agent | undefined
  for (const agent of snapshot.agents.values()) {
    if (!agent.rules.some(matches)) continue
    if (found) return refuse('ambiguous_agent', 'It matches more than one registered agent; make their rules exclude each other.')
    found = agent
  }
  return found
    ? { ok: true, agent: found }
    : refuse('unknown_agent', 'No registered agent matches it. Register one whose rules name this workload.')
}

/** Whether an OpenID rule's patterns all match. A rule without `sub` matches nothing. */
export function claimsMatch(
  rule: AgentRule,
  trustSourceId: string,
  claims: Readonly<Record<string, unknown>>,
): rule is OpenIdRule {
  if (rule.trust_source !== trustSourceId || !('claims' in rule) || !Object.hasOwn(rule.claims, 'sub')) return false
  return Object.entries(rule.claims).every(([path, pattern]) => {
    const value = claimAt(claims, path)
    return value !== undefined && compilePattern(pattern)(value)
  })
}
