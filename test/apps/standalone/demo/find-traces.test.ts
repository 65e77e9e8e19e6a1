import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Evidence, readClaims } from '#apps/standalone/demo/evidence.ts'
import { findLogFaults, findUntraced } from '#apps/standalone/demo/find-traces.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { newId, parseId } from '#core/ids/id.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import type { ReportedDecision } from '#core/resource-use/report-decisions.ts'
import type { LogEntry } from '#db/log/read-entries.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

const tenantId = '019a0000-0000-7000-8000-000000000001'
const nowMs = 1_795_000_000_000

/** A token as the broker would make it, and the leaf of its issuance. */
function issue() {
  const jti = newId('token', nowMs)
  const claims = { aud: 'https://api.example', exp: 1_795_000_300, jti, scope: 'orders:read' }
  const claimsHash = hash('sha256', canonicalJson(claims), 'base64url')
  const event = prepareEvent(
    { type: 'token.issued', tenantId, tokenId: jti, claimsHash, facts: sampleFacts('token.issued') },
    nowMs,
  )
  const payload = Buffer.from(JSON.stringify({ ...claims, evt: event.leafHash })).toString('base64url')
  return { token: `e30.${payload}.sig`, event }
}

const denial = (code: string, reason: string) =>
  prepareEvent({ type: 'token.denied', tenantId, facts: sampleFacts('token.denied', { code, reason }) }, nowMs)
const report = (...decisions: Partial<ReportedDecision>[]) => {
  const facts = sampleFacts('decisions.reported', { decisions: decisions as ReportedDecision[] })
  return prepareEvent({ type: 'decisions.reported', tenantId, facts }, nowMs)
}
const entries = (...events: { leaf: string; body: string }[]): LogEntry[] =>
  events.map(({ leaf, body }, position) => ({ position, leaf, body }))

describe('findUntraced', () => {
  test('finds the leaf that a receipt names', () => {
    const { token, event } = issue()
    expect(findUntraced([{ step: 'a', kind: 'issued', token }], entries(event))).toEqual([])
  })

  test('takes each turn of an account once, and no other account’s for it', () => {
    const account = newId('account', nowMs)
    const deed: Evidence = { step: 'a', kind: 'event', type: 'account.claimed', account }
    const claimed = (id: string) =>
      prepareEvent({ type: 'account.claimed', tenantId, accountId: parseId('account', id)!, facts: {} }, nowMs)
    expect(findUntraced([deed], entries(claimed(account)))).toEqual([])
    expect(findUntraced([deed, deed], entries(claimed(account)))).toEqual([deed])
    expect(findUntraced([deed], entries(claimed(newId('account', nowMs))))).toEqual([deed])
  })

  test('misses a token whose leaf was changed, is of another token, or is not there', () => {
    const { token, event } = issue()
    const deed: Evidence = { step: 'a', kind: 'issued', token }
    const changed = { ...event, leaf: event.leaf.replace('"v":1', '"v":2') }
    for (const log of [entries(changed), entries(issue().event), []]) expect(findUntraced([deed], log)).toEqual([deed])
  })

  test('misses a token whose claims are not those that were logged', () => {
    const { token, event } = issue()
    const wider = { ...readClaims(token), scope: 'orders:read orders:delete' }
    const forged = `e30.${Buffer.from(JSON.stringify(wider)).toString('base64url')}.sig`
    const deed: Evidence = { step: 'a', kind: 'issued', token: forged }
    expect(findUntraced([deed], entries(event))).toEqual([deed])
  })

  test('counts each refusal once', () => {
    const deed = { step: 'a', kind: 'denied', code: 'access_denied', reason: 'not_the_opener' } as const
    const log = entries(denial('access_denied', 'not_the_opener'))
    expect(findUntraced([deed], log)).toEqual([])
    expect(findUntraced([deed, deed], log)).toEqual([deed])
  })

  test('finds decisions by token and reason', () => {
    const { token } = issue()
    const { jti } = readClaims(token)
    const deed = (reason: string): Evidence => ({ step: 'a', kind: 'decision', token, reason })
    const log = entries(report({ jti, reason: 'granted' }, { jti, reason: 'token_expired' }))
    expect(findUntraced([deed('granted'), deed('token_expired')], log)).toEqual([])
    expect(findUntraced([deed('certificate_missing')], log)).toEqual([deed('certificate_missing')])
  })
})

describe('findLogFaults', () => {
  const log = entries(denial('a', 'b'), denial('c', 'd'), denial('e', 'f'))

  test('finds nothing in a whole log', () => expect(findLogFaults(log, 0)).toEqual([]))

  test('finds a missing position', () => expect(findLogFaults([log[0]!, log[2]!], 0)).toEqual(['leaf 1 is missing']))

  test('finds a body that was changed or is gone', () => {
    const changed = [log[0]!, { ...log[1]!, body: '{"code":"x"}' }, { ...log[2]!, body: undefined }]
    expect(findLogFaults(changed, 0)).toHaveLength(2)
  })
})
