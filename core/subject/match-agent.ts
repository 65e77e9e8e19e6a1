// Which agent does a proof belong to? Rules are compiled once for each snapshot and grouped by trust source and, where the
// main name (`sub`, SAN) is written out in full, by that name, so that recognising one of a thousand agents does not ask all
// of them.

import type { Agent, AgentRule } from '#core/registry/agent.ts'
import { isTrusted } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { canonicalDn } from './certificate-names.ts'
import { claimAt } from './claim-at.ts'
import { compilePattern } from './claim-pattern.ts'
import { refuse, type SubjectRefusal } from './subject.ts'

interface CompiledRule {
  readonly agent: Agent
  readonly rule: AgentRule
  /** The other claims that must match, compiled. */
  readonly others: readonly { readonly path: string; readonly matches: (value: string) => boolean }[]
  readonly matchesName: (name: string) => boolean
}

/** Members of rules, beside `claims.sub`, that are a main name. */
const namedMembers = [
  'san_uri',
  'san_dns',
  'san_ip',
  'san_email',
  'subject_dn',
  'spiffe_id',
  'certificate_thumbprint',
  'did',
] as const

/** What a rule's main name is taken from. */
export type NameKind = 'sub' | (typeof namedMembers)[number]

/** Rules of one trust source and kind of name: those with a literal name by it, and those with a pattern. */
interface RuleGroup {
  readonly literal: Map<string, CompiledRule[]>
  readonly patterns: CompiledRule[]
}

// Derived from a snapshot and gone with it: not a cache that could be stale.
const groups = new WeakMap<TenantSnapshot, Map<string, RuleGroup>>()

/** proof: the one that a rule of the agent is fulfilled by. */
export type MatchResult = { readonly ok: true; readonly agent: Agent; readonly proof: Proof } | SubjectRefusal

export interface Proof {
  readonly trustSourceId: string
  readonly kind: NameKind
  readonly name: string
  /** uuid of the agent that the name itself names: no rule is asked. */
  readonly agentId?: string
  /** For OpenID tokens; undefined for certificates. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** What else this kind of proof must bring for a rule; undefined: nothing. */
  readonly satisfies?: (rule: AgentRule) => boolean
}

/** The one agent with a rule that these proofs fulfil. None, or more than one, is a refusal: a proof must be unambiguous. */
export function matchAgent(snapshot: TenantSnapshot, proofs: readonly Proof[]): MatchResult {
  let found: { readonly agent: Agent; readonly proof: Proof } | undefined
  for (const proof of proofs)
    for (const agent of agentsOf(snapshot, proof)) {
      if (found && found.agent !== agent)
        return refuse('ambiguous_agent', 'It matches more than one registered agent; make their rules exclude each other.')
      // On whose word it comes is that of a source whose word counts, if there is one.
      if (!found || isTrusted(snapshot, proof.trustSourceId)) found = { agent, proof }
    }
  return found
    ? { ok: true, ...found }
    : refuse('unknown_agent', 'No registered agent matches it. Register one whose rules name this workload.')
}

function* agentsOf(snapshot: TenantSnapshot, proof: Proof): Iterable<Agent> {
  const named = proof.agentId === undefined ? undefined : snapshot.agents.get(proof.agentId)
  if (named) yield named
  if (proof.agentId !== undefined) return
  for (const candidate of candidates(snapshot, proof)) if (fulfils(candidate, proof)) yield candidate.agent
}

function* candidates(snapshot: TenantSnapshot, { trustSourceId, kind, name }: Proof): Iterable<CompiledRule> {
  const group = groupsOf(snapshot).get(`${trustSourceId} ${kind}`)
  if (!group) return
  yield* group.literal.get(name) ?? []
  yield* group.patterns
}

function fulfils(compiled: CompiledRule, { name, claims, satisfies }: Proof): boolean {
  if (!compiled.matchesName(name) || satisfies?.(compiled.rule) === false) return false
  return compiled.others.every(({ path, matches }) => {
    const value = claims && claimAt(claims, path)
    return value !== undefined && matches(value)
  })
}

function groupsOf(snapshot: TenantSnapshot): Map<string, RuleGroup> {
  let made = groups.get(snapshot)
  if (made) return made
  made = new Map()
  for (const agent of snapshot.agents.values())
    for (const rule of agent.rules) {
      const main = mainName(rule)
      // A rule that names nobody matches nobody.
      if (main) addRule(made, agent, rule, main)
    }
  groups.set(snapshot, made)
  return made
}

function mainName(rule: AgentRule): { kind: NameKind; pattern: string } | undefined {
  if ('claims' in rule) return Object.hasOwn(rule.claims, 'sub') ? { kind: 'sub', pattern: rule.claims['sub']! } : undefined
  for (const kind of namedMembers) {
    const pattern = (rule as { readonly [Member in NameKind]?: string })[kind]
    if (pattern !== undefined) return { kind, pattern }
  }
  return undefined
}

function addRule(
  made: Map<string, RuleGroup>,
  agent: Agent,
  rule: AgentRule,
  { kind, pattern }: { kind: NameKind; pattern: string },
): void {
  const key = `${rule.trust_source} ${kind}`
  const group: RuleGroup = made.get(key) ?? { literal: new Map(), patterns: [] }
  made.set(key, group)
  const others = 'claims' in rule ? Object.entries(rule.claims).filter(([path]) => path !== 'sub') : []
  // Distinguished names are compared whole, in the parsed form that `readNames` gives.
  const literal = kind === 'subject_dn' || !pattern.includes('*')
  const compiled: CompiledRule = {
    agent,
    rule,
    others: others.map(([path, other]) => ({ path, matches: compilePattern(other) })),
    matchesName: kind === 'subject_dn' ? () => true : compilePattern(pattern),
  }
  if (!literal) group.patterns.push(compiled)
  else {
    const name = kind === 'subject_dn' ? canonicalDn(pattern) : pattern
    group.literal.set(name, [...(group.literal.get(name) ?? []), compiled])
  }
}
