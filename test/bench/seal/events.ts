// A day of a deployment in a thousand events: mostly tokens, some refusals, the accounts that they belong to.

import { randomBytes } from 'node:crypto'
import { type PreparedEvent, prepareEvent, sealFacts } from '#core/audit/event.ts'
import { newUuid } from '#core/ids/id.ts'

const tenantId = newUuid(Date.now())
const agents = Array.from({ length: 200 }, () => newUuid(Date.now()))
const [resource, trustSource] = [newUuid(Date.now()), newUuid(Date.now())]
const keys = agents.map(() => ({ id: newUuid(Date.now()), key: randomBytes(32) }))
const accounts = Array.from({ length: 5_000 }, () => newUuid(Date.now()))
const details = [
  {
    actions: ['read'],
    locations: ['https://orders.example/v1'],
    methods: ['GET'],
    type: 'agent_http',
    uri_template: '/orders/{id}',
  },
]

/** The n-th event of the load. */
export function makeEvent(n: number, nowMs: number): PreparedEvent {
  const agent = n % agents.length
  const account = (n * 7) % accounts.length
  const subjectKey = keys[agent]!
  const hidden = {
    address: '192.0.2.7',
    issuer: 'https://token.ci.example',
    subject: `repo:example/orders:ref:refs/heads/main:run:${n}`,
    task_id: `run_${n}`,
    authorization_details: details,
    scope: 'orders:read orders:list',
    resource_hash: 'oyyPSOSULP6E0TDFWvEYLZ98xxeaQdLptkpVmcTQ7To',
  }
  const about = { tenantId, agentId: agents[agent]!, accountId: accounts[account]!, private: sealFacts(subjectKey, hidden) }
  if (n % 20 === 0)
    return prepareEvent(
      {
        ...about,
        type: 'token.denied',
        facts: { code: 'scope_refused', reason: 'scope_not_granted', trust_source: trustSource },
      } as never,
      nowMs,
    )
  if (n % 20 === 1)
    return prepareEvent(
      {
        ...about,
        type: 'account.opened',
        facts: { deadline: Math.floor(nowMs / 1_000) + 900, resource, trust_source: trustSource },
      } as never,
      nowMs,
    )
  const facts = {
    binding: 'pop',
    config_epoch: 17,
    expires: Math.floor(nowMs / 1_000) + 300,
    generation: 1,
    narrowed: false,
    resource,
    trust_source: trustSource,
  }
  const tokenId = `at_${newUuid(nowMs).replaceAll('-', '')}`
  return prepareEvent(
    { ...about, type: 'token.issued', tokenId, claimsHash: randomBytes(32).toString('base64url'), facts } as never,
    nowMs,
  )
}

export const benchTenant = tenantId
