import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { auditEventTypes, catalogue } from '#core/audit/catalogue/catalogue.ts'
import type { EventType } from '#core/audit/catalogue/event-type.ts'
import { toOcsf } from '#core/audit/catalogue/ocsf.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { decisionOf } from '#core/audit/stream/decision.ts'
import { readEntry as showStored } from '#core/audit/stream/entry.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

const tenantId = '01900000-0000-7000-8000-00000000000a'
const ids = { tenantId, agentId: tenantId, accountId: tenantId, tokenId: 'at_01900000000070008000000000000000' }
const nowMs = 1_795_000_000_123

/** What each class asks for, schema.ocsf.io/1.6.0. */
const required: Readonly<Record<number, readonly string[]>> = {
  3002: ['user', 'service'],
  3003: ['user', 'privileges'],
  3004: ['entity'],
  6003: ['actor', 'api', 'src_endpoint'],
}

describe.each(auditEventTypes)('%s', type => {
  const entry = { position: 41, ...prepareEvent({ type, ...ids, facts: sampleFacts(type) } as never, nowMs) }
  const row: EventType = catalogue[type]

  test('is an event of its class with all that OCSF asks of it', () => {
    const event = toOcsf(entry, 'log.example/log/1')
    expect(event).toMatchObject({
      class_uid: row.ocsf.class,
      type_uid: row.ocsf.class * 100 + row.ocsf.activity,
      category_uid: Math.floor(row.ocsf.class / 1000),
      time: nowMs,
      severity_id: expect.any(Number),
      metadata: {
        version: '1.6.0',
        product: { vendor_name: 'Mayfly' },
        event_code: type,
        sequence: 41,
        log_name: 'log.example/log/1',
      },
      raw_data: entry.leaf,
    })
    for (const name of required[row.ocsf.class]!) expect(event).toHaveProperty(name)
    const decision = decisionOf(type, { ...sampleFacts(type) })
    expect(event['status_id']).toBe(decision === 'deny' ? 2 : decision === 'defer' ? 99 : 1)
  })

  test('is one also when its body is gone', () => {
    const event = toOcsf({ position: 41, leaf: entry.leaf })
    for (const name of required[row.ocsf.class]!) expect(event).toHaveProperty(name)
    expect(event['unmapped']).not.toHaveProperty('facts')
  })
})

test('never says what is sealed', () => {
  const subjectKey = { id: tenantId, key: Buffer.alloc(32, 7) }
  const facts = sampleFacts('token.denied')
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]{12,40}$/), canary => {
      const hidden = { subject: canary, address: canary, task_id: canary }
      const entry = prepareEvent({ type: 'token.denied', ...ids, facts, private: { subjectKey, facts: hidden } }, nowMs)
      const said = JSON.stringify(toOcsf({ position: 1, ...entry }))
      expect(said).not.toContain(canary)
      expect(said).not.toContain((JSON.parse(entry.body) as { private: string }).private)
    }),
    { numRuns: 50 },
  )
})

test('tells of a type that a later version wrote what there is to tell', () => {
  const { leaf } = prepareEvent({ type: 'tenant.created', tenantId, facts: sampleFacts('tenant.created') }, nowMs)
  const event = toOcsf({ position: 1, leaf: leaf.replace('tenant.created', 'tenant.moved') })
  expect(event).toMatchObject({ class_uid: 3004, type_uid: 300499, message: 'tenant.moved' })
})

test.each([
  [0, { status: 'Success', severity_id: 1 }],
  [3, { status: 'Failure', severity_id: 2 }],
])('what guards report is a failure where they refused anything: %i refusals', (denied, told) => {
  const facts = { ...sampleFacts('decisions.reported'), denied }
  const entry = { position: 1, ...prepareEvent({ type: 'decisions.reported', ...ids, facts } as never, nowMs) }
  expect(toOcsf(entry)).toMatchObject(told)
})

test('what guards reported is neither once retention has dropped their report', () => {
  const facts = { ...sampleFacts('decisions.reported'), denied: 0 }
  const { leaf } = prepareEvent({ type: 'decisions.reported', ...ids, facts } as never, nowMs)
  for (const body of [undefined, '']) {
    expect(toOcsf({ position: 1, leaf, body })).toMatchObject({ status_id: 0, status: 'Unknown' })
    expect(showStored({ position: 1, leaf, body }).shown.decision).toBeUndefined()
  }
})
