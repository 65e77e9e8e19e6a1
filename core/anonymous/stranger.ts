// A stranger: nobody registered it, it has a key and has done some work. Its accounts are those of the one agent that the tenant
// named for strangers. What a stranger may have at most stands here and not in that agent's registration alone, so that a
// registration which is changed later opens no door.

import { type Limits, lowestLimits } from '#core/quota/limits.ts'
import type { Agent, AgentSettings } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import { hashList, type VerifiedSubject } from '#core/subject/subject.ts'

/** Bounds of what strangers get, whatever the registration says; seconds. */
const longestAccountSeconds = 3_600
const longestTokenSeconds = 300
/** A ceiling that is no tiny one is not for strangers. */
export const mostPermissions = 8

/** The agent for strangers, as decisions see it: no children, no certificate, short lives, budgets of its own. limits: its tenant's. */
export function boundForStrangers(agent: Agent, limits: Limits): Agent {
  const { settings } = agent
  const seconds = Math.min(settings.account_ttl_seconds, longestAccountSeconds)
  const bounded: AgentSettings = {
    ...settings,
    binding: 'pop',
    instance_claims: [],
    task_claims: [],
    account_ttl_seconds: seconds,
    longest_account_seconds: seconds,
    token_ttl_seconds: Math.min(settings.token_ttl_seconds, longestTokenSeconds),
    max_depth: 0,
    may_enroll: false,
    limits: boundLimits({ ...limits, ...settings.limits }),
  }
  return { ...agent, settings: bounded }
}

function boundLimits(limits: Limits): Limits {
  return lowestLimits(limits, {
    agent_live_accounts: limits.anonymous_live_accounts,
    agent_opens_per_minute: limits.anonymous_opens_per_minute,
    agent_tokens_per_minute: limits.anonymous_tokens_per_minute,
  })
}

/** Who holds this key and nothing else. */
export function strangerSubject(agent: Agent, key: BoundKey): VerifiedSubject {
  const name = hashList(['anonymous', key.kind, key.thumbprint])
  return {
    agent,
    trustSourceId: 'anonymous',
    foreign: { issuer: 'anonymous', subject: key.thumbprint },
    subjectHash: name,
    opener: name,
    derivedTaskId: undefined,
    untilSeconds: Number.POSITIVE_INFINITY,
    expiresSeconds: Number.POSITIVE_INFINITY,
    boundKey: key,
    byCertificate: false,
    stranger: true,
  }
}

/** The agent for strangers; undefined: this tenant takes none. */
export const agentForStrangers = (snapshot: TenantSnapshot): Agent | undefined =>
  snapshot.anonymousAgentId === undefined ? undefined : snapshot.agents.get(snapshot.anonymousAgentId)
