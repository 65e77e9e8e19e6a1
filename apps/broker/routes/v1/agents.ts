import { type Static, Type } from 'typebox'
import { deepest, standardDepth } from '#core/delegation/depth.ts'
import { formatId } from '#core/ids/id.ts'
import { longestCertificateSeconds } from '#core/keys/rotation/times.ts'
import type { Permission } from '#core/permission/permission.ts'
import { limitNames, limitRows } from '#core/quota/limits.ts'
import type { AgentRule, AgentSettings } from '#core/registry/agent.ts'
import { registerAgent, removeAgent, replaceAgent } from '#core/registry/agents.ts'
import type { RuleInput } from '#core/registry/validate-agent.ts'
import { type AgentRow, findAgent, listAgents } from '#db/registry/agents.ts'
import { registerCollection, stamps, suspension } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { LimitsOf } from './limits.ts'
import { closed, Details, Id, Name, Scope, SuspendedAt, Text, Time, TtlSeconds, Uri } from './schemas.ts'
import { ruleMembers } from './trust-source-kinds/table.ts'
import { ClaimName } from './trust-source-kinds/trust-source-kind.ts'

const ClaimList = (description: string) =>
  Type.Array(Type.String({ pattern: ClaimName }), { maxItems: 8, uniqueItems: true, default: [], description })

/** Which members a rule may and must have is decided by the kind of its trust source. */
const Rule = Type.Unsafe<RuleInput>(Type.Object({ trust_source: Id('trustSource'), ...ruleMembers }, closed))

const Ceiling = Type.Object({ scope: Type.Optional(Scope), authorization_details: Type.Optional(Details) }, closed)

const ClaimableBy = Type.Object(
  {
    providers: Type.Optional(
      Type.Array(Id('signInProvider'), { minItems: 1, maxItems: 16, description: 'Through one of these.' }),
    ),
    groups: Type.Optional(
      Type.Array(Text('Compared byte for byte.', 255), { minItems: 1, maxItems: 64, description: 'In one of these there.' }),
    ),
    subjects: Type.Optional(
      Type.Array(
        Type.Object({ issuer: Uri('Exactly the `iss`.'), subject: Type.String({ minLength: 1, maxLength: 255 }) }, closed),
        { minItems: 1, maxItems: 64, description: 'One of these people.' },
      ),
    ),
  },
  { ...closed, description: 'Who may claim its accounts: every member that is given must fit. Left out: nobody.' },
)

const Settings = Type.Object(
  {
    binding: Type.Optional(Type.Enum(['pop', 'bearer'], { default: 'pop' })),
    instance_claims: Type.Optional(ClaimList('Claims that tell instances of this agent apart.')),
    task_claims: Type.Optional(ClaimList('Claims from which a task id is derived when the caller names none.')),
    may_open: Type.Optional(Type.Boolean({ default: true })),
    account_ttl_seconds: Type.Optional(TtlSeconds(30 * 86_400, 3600, 'Longest life of an account.')),
    token_ttl_seconds: Type.Optional(
      Type.Integer({ minimum: 5, maximum: 3600, default: 300, description: 'Longest life of a token.' }),
    ),
    longest_account_seconds: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 90 * 86_400,
        description: 'How long an account may live in all, extensions included; left out: account_ttl_seconds.',
      }),
    ),
    max_depth: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: deepest,
        default: standardDepth,
        description: 'How deep below an account of this agent sub-agents may be given accounts; 0: not at all.',
      }),
    ),
    may_enroll: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether a token of a trust source is enough to get a certificate of the built-in CA.',
      }),
    ),
    certificate_ttl_seconds: Type.Optional(
      Type.Integer({
        minimum: 300,
        maximum: longestCertificateSeconds,
        default: 3600,
        description: 'Life of such a certificate.',
      }),
    ),
    claimable_by: Type.Optional(ClaimableBy),
    limits: Type.Optional(LimitsOf(limitNames.filter(name => limitRows[name].perAgent))),
    default_permission: Type.Optional(
      Type.Object(
        { resource: Uri('RFC 8707.'), scope: Type.Optional(Scope), authorization_details: Type.Optional(Details) },
        closed,
      ),
    ),
  },
  closed,
)

const body = {
  name: Name,
  owner: Text('Who answers for this agent.', 200),
  review_on: Type.String({
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
    description: 'When its registration is to be looked at again.',
  }),
  rules: Type.Array(Rule, { maxItems: 32, description: 'None: only who enrolled is this agent.' }),
  ceiling: Ceiling,
}

const Body = Type.Object(
  { ...body, settings: Type.Optional(Settings) },
  {
    ...closed,
    examples: [
      {
        name: 'nightly-report',
        owner: 'data platform team',
        review_on: '2030-01-31',
        rules: [
          { trust_source: 'src_0198c0ffee00700080000000000000aa', claims: { sub: 'repo:example/reports:ref:refs/heads/main' } },
        ],
        ceiling: { scope: 'orders:read' },
        settings: { token_ttl_seconds: 300 },
      },
    ],
  },
)
const View = Type.Object(
  {
    id: Id('agent'),
    client_id: Id('agent'),
    created_at: Time,
    updated_at: Time,
    suspended_at: SuspendedAt,
    ...body,
    settings: Settings,
  },
  closed,
)

export function agentRoutes(app: V1App, deps: V1Deps): void {
  registerCollection(app, deps, {
    path: '/v1/agents',
    idKind: 'agent',
    noun: 'agent',
    Body,
    View,
    toView,
    list: listAgents,
    find: findAgent,
    create: registerAgent,
    replace: replaceAgent,
    remove: removeAgent,
  })
}

function toView(row: AgentRow): Static<typeof View> {
  const ceiling = JSON.parse(row.permission) as Permission
  const rules = (row.rules as AgentRule[]).map(rule => ({ ...rule, trust_source: formatId('trustSource', rule.trust_source) }))
  return {
    ...stamps('agent', row),
    ...suspension(row),
    client_id: formatId('agent', row.id),
    name: row.name,
    owner: row.owner,
    review_on: row.review_on.toISOString().slice(0, 10),
    rules,
    ceiling: {
      ...(ceiling.scopes.length > 0 && { scope: ceiling.scopes.join(' ') }),
      ...(ceiling.details.length > 0 && { authorization_details: [...ceiling.details] }),
    },
    settings: row.settings as AgentSettings as Static<typeof Settings>,
  }
}
