// Attack 2: scope grows along a chain of delegation. Ten thousand random chains through the rules, and a sample of them through a
// real broker.

import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Account } from '#core/account/account.ts'
import { chainOf, lineageOf, lineageOfChild } from '#core/delegation/lineage.ts'
import { boundedByAncestors } from '#core/exchange/account-bounds.ts'
import { ceilingsOf } from '#core/exchange/grant.ts'
import { grantIssuer } from '#core/exchange/issuer-grant.ts'
import { newUuid } from '#core/ids/id.ts'
import { computeEffective } from '#core/permission/effective.ts'
import { normaliseDetails } from '#core/permission/normalise.ts'
import type { Permission } from '#core/permission/permission.ts'
import { permissionWithin } from '#core/permission/subset.ts'
import type { Agent } from '#core/registry/agent.ts'
import { makeAgent, makeSnapshot, resourceUri } from '#test/core/subject/snapshot.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const scopes = ['a', 'b', 'c', 'd']
const details = fc
  .record({
    methods: fc.subarray(['GET', 'POST'], { minLength: 1 }),
    uri_template: fc.constantFrom('/orders/{id}', '/orders/1', '/orders', '/{any}'),
  })
  .map(one => {
    const normal = normaliseDetails([{ type: 'agent_http', locations: [resourceUri], ...one }])
    return normal.ok ? normal.details[0]! : undefined!
  })
const permission = fc
  .record({ scopes: fc.subarray(scopes), details: fc.array(details, { maxLength: 3 }) })
  .map((raw): Permission => {
    const normal = normaliseDetails(raw.details)
    return { scopes: raw.scopes, details: normal.ok ? normal.details : [] }
  })
// Most chains would end at once if what is asked were not often less than what there is.
const wide = fc.oneof(permission, fc.constant<Permission>({ scopes, details: [] }))

interface Step {
  readonly agentCeiling: Permission
  readonly delegated: Permission
  readonly asked: Permission
  readonly narrowing: boolean
  readonly maxDepth: number | undefined
}
const step: fc.Arbitrary<Step> = fc.record({
  agentCeiling: wide,
  delegated: wide,
  asked: permission,
  narrowing: fc.constantFrom(true, true, true, false),
  maxDepth: fc.option(fc.nat(8), { nil: undefined, freq: 1 }),
})

const account = (agent: Agent): Account => ({
  id: newUuid(),
  tenantId: '01900000-0000-7000-8000-0000000000aa',
  agentId: agent.id,
  taskKey: newUuid(),
  taskId: 'task',
  state: 'a',
  generation: 1,
  deadlineSeconds: 2_000_000_000,
  ceilingId: '1',
  opener: '',
  openingKey: null,
  rootId: null,
  readmitted: false,
})

const requestFor = ({ delegated, narrowing, maxDepth }: Step, mayAct: string) => ({
  grant: 'token_exchange' as const,
  subjectToken: '',
  subjectKind: 'jwt' as const,
  clientId: undefined,
  clientAssertion: undefined,
  targets: ['https://broker.example'],
  idJagAudience: undefined,
  scope: delegated.scopes.join(' ') || undefined,
  authorizationDetails: delegated.details.length > 0 ? JSON.stringify(delegated.details) : undefined,
  allowNarrowing: narrowing,
  taskId: undefined,
  accountId: undefined,
  ttlSeconds: undefined,
  nonce: undefined,
  delegation: { mayAct, maxDepth, accountTtlSeconds: undefined, quota: undefined },
})

/** Goes down one chain as the exchange does; answers how many children were opened. */
function walk(rootCeiling: Permission, steps: readonly Step[]): number {
  const agents = [rootCeiling, ...steps.map(one => one.agentCeiling)].map(ceiling => makeAgent([], { ceiling }))
  const snapshot = makeSnapshot({ agents })
  const bounds: Permission[] = [rootCeiling]
  let parent = account(agents[0]!)
  let lineage: ReturnType<typeof lineageOf> | undefined
  let ceilings = ceilingsOf(agents[0]!, { id: '1', permission: rootCeiling })
  for (const [depth, one] of steps.entries()) {
    const agent = agents[depth + 1]!
    const chain = chainOf(parent, snapshot.agents.get(parent.agentId)!.settings, lineage)
    const delegator = { account: parent, chain, ceilings }
    const granted = grantIssuer(snapshot, requestFor(one, agent.clientId), delegator)
    if (!granted.ok) return depth
    expect(depth + 1).toBeLessThanOrEqual(4)
    // What is passed on is within everything above, and was asked for.
    for (const above of bounds) expect(permissionWithin(granted.granted, above)).toBe(true)
    expect(permissionWithin(granted.granted, one.delegated)).toBe(true)
    const maxDepth = Math.min(one.maxDepth ?? chain.maxDepth, chain.maxDepth)
    const child = account(agent)
    lineage = lineageOf(child.id, lineageOfChild(parent, lineage, { maxDepth, quota: null }))
    const bounded = boundedByAncestors(snapshot, lineage, { id: `${depth}`, permission: granted.granted })
    if (!bounded.ok) throw new Error('an agent is missing')
    bounds.push(one.agentCeiling, granted.granted)
    ceilings = ceilingsOf(agent, bounded.ceiling)
    const effective = computeEffective({ requested: one.asked, ceilings, allowNarrowing: one.narrowing })
    if (effective.ok) for (const above of bounds) expect(permissionWithin(effective.granted, above)).toBe(true)
    parent = { ...child, rootId: lineage.rootId }
  }
  return steps.length
}

describe('2: a chain of delegation', () => {
  test('2: of 10,000 random ones none grants anything beyond any bound above it, and none goes deeper than it may', () => {
    const reached = new Map<number, number>()
    fc.assert(
      fc.property(wide, fc.array(step, { minLength: 1, maxLength: 6 }), (ceiling, steps) => {
        const depth = walk(ceiling, steps)
        reached.set(depth, (reached.get(depth) ?? 0) + 1)
      }),
      { numRuns: 10_000 },
    )
    // Else the property would say nothing.
    for (const depth of [1, 2, 3]) expect(reached.get(depth) ?? 0).toBeGreaterThan(100)
  })
})

describe('2: through a real broker', () => {
  const broker = useBroker()
  const names = ['orders:read', 'orders:write']
  let workloads: { readonly who: Workload; readonly may: readonly string[] }[]
  let ask: Exchanges
  beforeAll(async () => {
    ask = exchangesOf(broker.running)
    const ceilings = [names, names, ['orders:read'], ['orders:write'], names]
    workloads = await Promise.all(
      ceilings.map(async (may, i) => ({
        who: await registerWorkload(broker.running, `chain-${i}`, { ceiling: { scope: may.join(' ') } }),
        may,
      })),
    )
  })

  const oneStep = fc.record({
    agent: fc.nat(4),
    delegated: fc.subarray(names, { minLength: 1 }),
    asked: fc.subarray(names, { minLength: 1 }),
  })

  test('2: each of 40 random chains grants exactly what every bound above allows, and refuses the rest by name', async () => {
    let task = 0
    let opened = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.array(oneStep, { minLength: 1, maxLength: 5 }), async (root, steps) => {
        const task_id = `chain-${++task}`
        let parent = workloads[root]!
        let allowed: readonly string[] = parent.may
        let account_id = (await ask.own(parent.who, { task_id, scope: allowed[0] })).body.account_id
        for (const [i, { agent, delegated, asked }] of steps.entries()) {
          const child = workloads[agent]!
          const delegation = await ask.delegate(parent.who, child.who, { account_id, scope: delegated.join(' ') })
          const mayDelegate = delegated.every(scope => allowed.includes(scope)) && i < 4
          expect(delegation.status).toBe(mayDelegate ? 200 : 400)
          if (!mayDelegate) {
            expect(delegation.body.error).toBe(i < 4 ? 'invalid_scope' : 'access_denied')
            return
          }
          const answer = await ask.openChild(child.who, tokenOf(delegation), {
            scope: asked.join(' '),
            task_id: `${task_id}-${i}`,
          })
          allowed = delegated.filter(scope => child.may.includes(scope))
          const mayHave = asked.every(scope => allowed.includes(scope))
          expect([answer.status, answer.body.error]).toEqual(mayHave ? [200, undefined] : [400, 'invalid_scope'])
          if (!mayHave) return
          opened++
          expect(answer.body.scope).toBe(asked.join(' '))
          ;({ account_id } = answer.body)
          parent = child
        }
      }),
      { numRuns: 40, endOnFailure: true },
    )
    expect(opened).toBeGreaterThan(10)
  })
})
