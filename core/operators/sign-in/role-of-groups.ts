import { findClaim } from '#core/subject/claim-at.ts'
import type { OperatorRole } from '../principal.ts'
import type { SignInProviderConfig } from './provider.ts'

/** The groups at a claim's dotted path: a list of texts, or one text; anything else in it is passed over. */
export function groupsAt(claims: unknown, path: string): readonly string[] {
  return findClaim(claims, path, readGroups) ?? []
}

/** The role of the first rule whose group is among the person's, compared byte for byte; undefined when there is none. */
export function roleOfGroups(config: SignInProviderConfig, claims: unknown): OperatorRole | undefined {
  const groups = new Set(groupsAt(claims, config.groups_claim))
  return config.rules.find(rule => groups.has(rule.group))?.role
}

function readGroups(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : undefined
}
