import { createDecipheriv, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { SubjectKey } from '#core/audit/event.ts'
import { deny } from '#core/exchange/denial.ts'
import { deniedEvent, issuedEvent, openedEvent } from '#core/exchange/events.ts'
import type { ExchangeInput } from '#core/exchange/exchange.ts'
import { IssuanceFrames } from '#core/exchange/issuance-frames.ts'
import type { Plan } from '#core/exchange/plan.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import { makeAgent, makeResource, makeSnapshot } from '../subject/snapshot.ts'

const agent = makeAgent([])
const snapshot = makeSnapshot({ agents: [agent] })
const subjectKey: SubjectKey = { id: 'key-1', key: randomBytes(32) }
const names = {
  issuer: 'https://canary-issuer',
  subject: 'canary-subject',
  address: '192.0.2.77',
  task: 'canary-task',
  scope: 'canary:scope',
  place: 'https://canary.example',
}
const subject = {
  agent,
  trustSourceId: 'source-ci',
  foreign: { issuer: names.issuer, subject: names.subject },
} as VerifiedSubject
const details = [{ type: 'agent_http', locations: [names.place], methods: ['GET'], uri_template: '/canary' }]
const plan = {
  claims: {
    accountId: '01900000-0000-7000-8000-000000000001',
    clientId: 'agt_1',
    tokenId: `at_${'1'.repeat(32)}`,
    expiresSeconds: 2,
    generation: 1,
    chain: { rootId: '01900000-0000-7000-8000-000000000001', depth: 0, maxDepth: 4, actors: [] },
    taskId: names.task,
    resource: makeResource(),
    granted: { details, scopes: [names.scope] },
    resourceHash: 'canary-hash',
  },
  binding: 'pop',
  dropped: { details: [], scopes: [] },
  deadlineSeconds: 3,
  opening: { account: { ceilingId: '7' } },
  subjectKey,
} as unknown as Plan
const input = {
  address: names.address,
  request: {
    targets: [names.place],
    scope: names.scope,
    authorizationDetails: JSON.stringify(details),
    taskId: names.task,
    accountId: undefined,
  },
} as unknown as ExchangeInput
const attempt = { snapshot, input, nowMs: 1_000 }
const about = { attempt, plan }

function openPrivate(body: string): Record<string, unknown> {
  const bytes = Buffer.from((JSON.parse(body) as { private: string }).private, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', subjectKey.key, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(-16))
  const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString()
  return (JSON.parse(text) as { facts: Record<string, unknown> }).facts
}

const claims = { canonical: '{}', hash: 'c'.repeat(43) }
const factsOf = (frames: IssuanceFrames, { plan, attempt } = about) =>
  frames.get(plan.subjectKey, subject, plan.claims, attempt.input.address).facts
const issue = (frames: IssuanceFrames, told = about) =>
  issuedEvent(told.attempt, subject, told.plan, { claims, facts: factsOf(frames, told) })

describe.each([
  ['an issuance', issue(new IssuanceFrames())],
  ['an opening', openedEvent(attempt, subject, plan, factsOf(new IssuanceFrames()))],
  ['a denial', deniedEvent(attempt, subject, deny('scope_refused', 'unknown_scope', `canary ${names.scope}`), subjectKey)],
])('%s', (_, event) => {
  test('names in clear only what is ours: no foreign name, address, task, permission or hint', () => {
    for (const text of [event.leaf, event.body]) {
      expect(text).not.toContain('canary')
      expect(text).not.toContain(names.address)
    }
  })

  test('keeps who it was for those who hold the subject’s key', () => {
    expect(openPrivate(event.body)).toMatchObject({
      issuer: names.issuer,
      subject: names.subject,
      address: names.address,
      task_id: names.task,
    })
  })
})

test('a stranger’s text never fills the log, however long it is', () => {
  const long = 'x'.repeat(1_000_000)
  const request = { targets: Array(100).fill(long), scope: long, authorizationDetails: long, taskId: 't'.repeat(128) }
  const asked = { ...attempt, input: { ...input, request } } as never
  const { body } = deniedEvent(asked, subject, deny('scope_refused', 'unknown_scope', long), subjectKey)
  expect(body.length).toBeLessThan(8_192)
})

describe('tokens that an account gets for one grant', () => {
  const sealedOf = ({ body, leaf }: { body: string; leaf: string }) => ({
    text: (JSON.parse(body) as { private: string }).private,
    commitment: (JSON.parse(leaf) as { private_hash: string }).private_hash,
  })

  test('share their sealed facts, and differ in leaf and receipt all the same', () => {
    const frames = new IssuanceFrames()
    const [a, b] = [issue(frames), issue(frames)]
    expect(sealedOf(a)).toEqual(sealedOf(b))
    expect(a.leafHash).not.toBe(b.leafHash)
  })

  test.each([
    ['address', { ...about, attempt: { ...attempt, input: { ...input, address: '198.51.100.9' } } }],
    ['account', { ...about, plan: { ...plan, claims: { ...plan.claims, accountId: 'another' } } }],
    ['grant', { ...about, plan: { ...plan, claims: { ...plan.claims, resourceHash: 'another' } } }],
    ['key of the subject', { ...about, plan: { ...plan, subjectKey: { ...subjectKey, id: 'another' } } }],
  ])('are sealed anew for another %s', (_, other) => {
    const frames = new IssuanceFrames()
    const [a, b] = [issue(frames), issue(frames, other as never)]
    expect(sealedOf(a).text).not.toBe(sealedOf(b).text)
    expect(sealedOf(a).commitment).not.toBe(sealedOf(b).commitment)
  })
})
