// The ten questions of docs/auditing.md, each asked by the one command that stands there, of a log in which the answers are known.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { AuditEventType, FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { formatId, newUuid, parseId } from '#core/ids/id.ts'
import { appendBatch } from '#db/log/append.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const sealer = createTestSealer('localhost')
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
const person = usePerson()
afterAll(() => sealer.close())

const ids = {
  tenant: '',
  agent: '',
  live: '',
  approver: formatId('person', newUuid()),
  reaped: newUuid(),
  claimed: newUuid(),
  token: formatId('token', newUuid()),
  change: formatId('change', newUuid()),
  revocation: formatId('revocation', newUuid()),
}

/** What the page's commands name, and what stands for it here. */
const named: Readonly<Record<string, () => string>> = {
  'acct_…': () => formatId('account', ids.reaped),
  'psn_…': () => ids.approver,
  'nightly-report': () => 'agent',
  '2026-11-23T08:00:00Z': () => new Date(Date.now() + 60_000).toISOString(),
  './export': () => join(person.home, 'export'),
}

/** The command under a heading of the page, with this log's names. */
async function commandOf(question: string): Promise<string[]> {
  const page = await readFile(new URL('../../../../docs/auditing.md', import.meta.url), 'utf8')
  const section = page.split(/^## /m).find(part => part.startsWith(question))
  const command = /```sh\n(mayfly audit .*)\n```/.exec(section ?? '')?.[1]
  if (command === undefined) throw new Error(`docs/auditing.md answers no question "${question}"`)
  return command
    .replace(/\s+#.*$/, '')
    .split(' ')
    .slice(1)
    .map(word => named[word]?.() ?? word.replaceAll("'", ''))
}

const env = () => environmentOf(broker, person)
async function ask(question: string) {
  const words = await commandOf(question)
  const ran = await person.mayfly([...words, ...(words.includes('--json') ? [] : ['--json'])], { env: env() })
  expect(ran.code, ran.err).toBe(0)
  return words.includes('--all')
    ? ran.out
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
    : [JSON.parse(ran.out)]
}
/** Its events, whether they came as one answer or a line each. */
async function eventsOf(question: string) {
  const lines = await ask(question)
  return lines.length === 1 && Array.isArray(lines[0].items) ? lines[0].items : lines
}

interface About {
  readonly accountId?: string
  readonly agentId?: string
  readonly tokenId?: string
}

async function seed<T extends AuditEventType>(type: T, about: About, changes: Partial<FactsOf<T>> = {}): Promise<void> {
  const facts = sampleFacts(type, changes)
  const event = prepareEvent({ type, tenantId: ids.tenant, ...about, facts } as never, Date.now())
  await appendBatch(broker.database.database.sql, [eventOnly(ids.tenant, event)])
}

beforeAll(async () => {
  const { running } = broker
  const live = await vi.waitFor(async () => {
    const { status, body } = await running.token(running.form({ task_id: 'seeded' }), running.certificate)
    expect(status, JSON.stringify(body)).toBe(200)
    return (body as { account_id: string }).account_id
  }, 20_000)
  await running.token(running.form({ scope: 'orders:everything' }), running.certificate)
  const [row] = await broker.database.admin<[{ tenant: string; agent: string }]>`
    select tenant_id as tenant, agent_id as agent from mayfly.account where id = ${parseId('account', live)!}`
  Object.assign(ids, row, { live })
  const agentId = ids.agent
  const reaped = { accountId: ids.reaped, agentId }
  await seed('account.opened', reaped)
  await seed('token.issued', { ...reaped, tokenId: ids.token })
  const used = {
    time: 1_795_000_000,
    outcome: 'allow',
    reason: 'granted',
    jti: ids.token,
    account_id: formatId('account', ids.reaped),
  } as const
  await seed('decisions.reported', {}, { allowed: 1, denied: 0, decisions: [used] })
  const refused = {
    ...used,
    outcome: 'deny',
    reason: 'insufficient_scope',
    account_id: formatId('account', ids.claimed),
  } as const
  await seed('account.expired', reaped)
  await seed('attachment.parked', reaped, { failed: 'unreachable', attempts: 7 })
  await seed('attachment.torn_down', reaped, { destroyed: [{ what: 'role', count: 1 }] })
  await seed('account.torn_down', reaped)
  await seed('account.reaped', reaped)
  const claimed = { accountId: ids.claimed, agentId }
  await seed('account.opened', claimed)
  await seed('decisions.reported', {}, { allowed: 0, denied: 1, decisions: [refused] })
  await seed('account.claimed', claimed, { actor_person: ids.approver })
  await seed('change.proposed', {}, { change: ids.change })
  await seed('change.approved', {}, { change: ids.change, actor_person: ids.approver })
  await seed('agent.changed', { agentId }, { change: ids.change, approved_by_person: ids.approver, config_epoch: 4711 })
  await seed('token.revoked', { tokenId: ids.token }, { revocation: ids.revocation })
  await seed(
    'revocation.acknowledged',
    {},
    { revocation: ids.revocation, receivers: 3, acknowledged: 3, missing: 0, last_ms: 12.5 },
  )
}, 60_000)

const typesOf = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type)

test('who did what, with which token, from where, under which approval', async () => {
  const words = (await commandOf('Who did what')).map(word => (word === formatId('account', ids.reaped) ? ids.live : word))
  const trail = (await person.mayfly([...words, '--json'], { env: env() })).json()
  expect(trail.items.find((item: { type: string }) => item.type === 'token.issued')).toMatchObject({
    token: expect.stringMatching(/^at_/),
    agent: formatId('agent', ids.agent),
    actor: { kind: 'agent' },
    facts: { binding: 'pop', config_epoch: expect.any(Number) },
    private: { address: '127.0.0.1', task_id: 'seeded', subject: expect.any(String) },
  })
  const [gone] = await ask('Who did what')
  expect(gone.items.find((item: { type: string }) => item.type === 'decisions.reported').facts.decisions[0]).toMatchObject({
    jti: ids.token,
    outcome: 'allow',
  })
})

test('every refusal of an agent', async () => {
  const events = await eventsOf('Every refusal')
  const told = events.map(({ type, reason, decision }: Record<string, unknown>) => `${type} ${decision} ${reason}`)
  expect(told.sort()).toEqual(['decisions.reported deny insufficient_scope', 'token.denied deny unknown_scope'])
})

test('accounts that were never claimed', async () => {
  const events = await eventsOf('Which accounts')
  const accounts = events.map(({ account }: { account: string }) => account)
  expect(accounts).toContain(formatId('account', ids.reaped))
  expect(accounts).not.toContain(formatId('account', ids.claimed))
  expect(accounts).toHaveLength(2)
})

test('how long a revocation took to reach the last guard', async () => {
  const [event] = await eventsOf('How long')
  expect(event.facts).toMatchObject({ revocation: ids.revocation, receivers: 3, missing: 0, last_ms: 12.5 })
})

test('what was in force at a time', async () => {
  const [event, ...rest] = await eventsOf('Which policy')
  expect(rest).toEqual([])
  expect(event).toMatchObject({ type: 'agent.changed', facts: { config_epoch: 4711 } })
})

test('everything that a person approved', async () => {
  const events = await eventsOf('What did')
  expect(typesOf(events)).toEqual(expect.arrayContaining(['agent.changed']))
  for (const { facts } of events) expect(facts.change).toBe(ids.change)
})

test('everything about an account that is gone', async () => {
  const [trail] = await ask('Everything about')
  expect(typesOf(trail.items)).toEqual([
    'account.opened',
    'token.issued',
    'decisions.reported',
    'account.expired',
    'attachment.parked',
    'attachment.torn_down',
    'account.torn_down',
    'account.reaped',
  ])
})

test('whether anything was removed', async () => {
  await sealer.seal(broker.database.database.sql)
  const platform = { env: environmentOf(broker, person, broker.running.platformToken) }
  expect((await person.mayfly(['audit', 'export', join(person.home, 'export')], platform)).code).toBe(0)
  const [report] = await ask('Was anything removed')
  expect(report).toMatchObject({ findings: [] })
})

test('what was torn down, and what failed', async () => {
  const events = await eventsOf('What was torn down')
  expect(typesOf(events).sort()).toEqual(['account.torn_down', 'attachment.parked', 'attachment.torn_down'])
  expect(events.find(({ type }: { type: string }) => type === 'attachment.parked').facts).toMatchObject({ failed: 'unreachable' })
})

test('who read the log', async () => {
  const events = await eventsOf('Who read')
  expect(new Set(typesOf(events))).toContain('audit.read')
  expect(events[0].actor).toMatchObject({ kind: expect.stringMatching(/operator|person/), role: 'tenant-admin' })
})
