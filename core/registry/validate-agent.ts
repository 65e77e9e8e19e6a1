import { findClaimableByFaults } from '#core/claim/claimable-by.ts'
import type { ValidationProblem } from '#core/errors/validation-error.ts'
import { parseId } from '#core/ids/id.ts'
import { normaliseDetails, parseScope } from '#core/permission/normalise.ts'
import type { Permission } from '#core/permission/permission.ts'
import { permissionWithin } from '#core/permission/subset.ts'
import type { AgentRule, AgentSettings } from './agent.ts'
import { type RuleMembers, trustSourceKind } from './trust-source-kinds/table.ts'
import { claimsByPresets, type PresetName, trustSourcePresets } from './trust-source-presets.ts'

/** A permission as requests write it. */
export interface PermissionInput {
  readonly scope?: string
  readonly authorization_details?: readonly unknown[]
}
/** Each member belongs to one or several kinds of trust source. */
export type RuleInput = { readonly trust_source: string } & AnyMember<RuleMembers>
/** Every member of a union's parts, none of them required. */
type AnyMember<Union> = { readonly [Member in MemberOf<Union>]?: ValueOf<Union, Member> | undefined }
type MemberOf<Union> = Union extends unknown ? keyof Union : never
type ValueOf<Union, Member> = Union extends { readonly [M in Member & string]?: infer Value } ? Value : never

export interface SettingsInput extends Partial<Omit<AgentSettings, 'default_permission'>> {
  readonly default_permission?: PermissionInput & { readonly resource: string }
}
export interface AgentInput {
  readonly name: string
  readonly owner: string
  readonly review_on: string
  readonly rules: readonly RuleInput[]
  readonly ceiling: PermissionInput
  readonly settings?: SettingsInput
}

/** What the tenant has, against which an agent is checked. */
export interface AgentContext {
  readonly trustSources: ReadonlyMap<string, { readonly kind: string; readonly config: unknown }>
  readonly resourceUris: ReadonlySet<string>
  readonly nowMs: number
}

export interface CheckedAgent {
  readonly rules: readonly AgentRule[]
  readonly ceiling: Permission
  readonly settings: AgentSettings
}

const standardSettings: AgentSettings = {
  binding: 'pop',
  instance_claims: [],
  task_claims: [],
  may_open: true,
  account_ttl_seconds: 3600,
  token_ttl_seconds: 300,
}

type Complain = (pointer: string, detail: string | undefined) => void

/** Rules, ceiling and settings in the form in which they are stored, and everything that is wrong with the input. */
export function validateAgent(
  input: AgentInput,
  context: AgentContext,
): CheckedAgent & { readonly problems: readonly ValidationProblem[] } {
  const problems: ValidationProblem[] = []
  const complain: Complain = (pointer, detail) => detail !== undefined && problems.push({ pointer, detail })
  complain('/review_on', findDateFault(input.review_on, context.nowMs))
  const rules = input.rules.map((rule, i) => checkRule(rule, `/rules/${i}`, context, complain))
  const ceiling = checkPermission(input.ceiling, '/ceiling', complain)
  if (ceiling.details.length + ceiling.scopes.length === 0 && problems.length === 0)
    complain('/ceiling', 'Name at least one scope or one entry of authorization_details; an agent without any could do nothing.')
  const settings = checkSettings({ ...claimsOfRules(rules, context), ...input.settings }, ceiling, context, complain)
  return { rules, ceiling, settings, problems }
}

function findDateFault(date: string, nowMs: number): string | undefined {
  const at = Date.parse(`${date}T23:59:59Z`)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== date)
    return 'Write a date that exists as YYYY-MM-DD.'
  return at < nowMs ? 'The review date is past. Review the agent, then set the next date.' : undefined
}

function checkRule(rule: RuleInput, at: string, context: AgentContext, complain: Complain): AgentRule {
  const { trust_source: id, ...members } = rule
  const trust_source = parseId('trustSource', id) ?? ''
  const source = context.trustSources.get(trust_source)
  if (source === undefined) {
    complain(`${at}/trust_source`, 'This tenant has no such trust source.')
    return { trust_source, claims: {} }
  }
  const kind = trustSourceKind(source.kind)
  for (const [member, value] of Object.entries(members))
    if (value !== undefined && !kind.ruleMembers.includes(member)) complain(`${at}/${member}`, kind.ruleHint)
  return { trust_source, ...kind.checkRule(rule, (pointer, detail) => complain(`${at}${pointer}`, detail), source.config) }
}

/** Of run and instance, where all that vouch for the agent are of kinds that are known so well. */
function claimsOfRules(rules: readonly AgentRule[], { trustSources }: AgentContext) {
  const configs = rules.map(rule => trustSources.get(rule.trust_source)?.config as { readonly preset?: PresetName } | undefined)
  return claimsByPresets(configs.map(config => config?.preset && trustSourcePresets[config.preset]))
}

function checkPermission(input: PermissionInput, at: string, complain: Complain): Permission {
  const scopes = parseScope(input.scope ?? '')
  if (!scopes.ok) complain(`${at}/scope`, sentence(scopes.reason))
  const details = normaliseDetails(input.authorization_details ?? [])
  if (!details.ok)
    complain(
      details.index === undefined ? `${at}/authorization_details` : `${at}/authorization_details/${details.index}`,
      sentence(details.reason),
    )
  return { details: details.ok ? details.details : [], scopes: scopes.ok ? scopes.value : [] }
}

function checkSettings(input: SettingsInput, ceiling: Permission, context: AgentContext, complain: Complain): AgentSettings {
  const { default_permission: wanted, ...rest } = input
  const settings: AgentSettings = { ...standardSettings, ...rest }
  if (settings.token_ttl_seconds > settings.account_ttl_seconds)
    complain('/settings/token_ttl_seconds', 'A token cannot live longer than the account that it lives in.')
  if (settings.longest_account_seconds !== undefined && settings.longest_account_seconds < settings.account_ttl_seconds)
    complain('/settings/longest_account_seconds', 'An account cannot live less long in all than it is given at first.')
  for (const { pointer, detail } of settings.claimable_by ? findClaimableByFaults(settings.claimable_by) : [])
    complain(`/settings/claimable_by${pointer}`, detail)
  if (wanted === undefined) return settings
  const at = '/settings/default_permission'
  const permission = checkPermission(wanted, at, complain)
  if (!context.resourceUris.has(wanted.resource)) complain(`${at}/resource`, 'This tenant has no resource with this URI.')
  if (permission.details.length + permission.scopes.length === 0)
    complain(at, 'Name at least one scope or one entry of authorization_details.')
  else if (!permissionWithin(permission, ceiling)) complain(at, 'The default goes beyond the ceiling.')
  const default_permission = {
    resource: wanted.resource,
    ...(permission.scopes.length > 0 && { scope: permission.scopes.join(' ') }),
    ...(permission.details.length > 0 && { authorization_details: permission.details }),
  }
  return { ...settings, default_permission }
}

const sentence = (reason: string): string => `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`
