import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseId } from '#core/ids/id.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { bootstrap, type Management, type Operators, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

const call = (method: string, path: string, body?: unknown, token: string | undefined = who.tenantAdmin) =>
  api.call(method, path, token, body)
const input = (changes = {}) => ({ name: `hook-${randomUUID()}`, url: 'https://hooks.example/mayfly', audit: {}, ...changes })
async function registered(changes = {}): Promise<string> {
  const { status, body, text } = await call('POST', '/v1/webhooks', input(changes))
  expect(status, text).toBe(201)
  return `/v1/webhooks/${body.id}`
}
const stuck = (path: string) =>
  api.admin`update mayfly.audit_stream set upto = position + 2, failures = 3, failure = 'answered', failure_status = 500, hold_until = now() + interval '1 hour'
             where webhook_id = ${parseId('webhook', path.slice(13))!}`

describe('a webhook for the log', () => {
  test('begins where the log is, and says what it wants as it was told', async () => {
    const audit = { types: ['token.*'], decision: 'deny', reason: 'scope*' }
    const path = await registered({ audit })
    expect((await call('GET', path)).body).toMatchObject({ events: [], audit: { ...audit, begin: 'now', leaf: false } })
    const { body } = await call('GET', `${path}/audit`)
    expect(body).toMatchObject({ failures: 0, failure: null, next_try_at: null, taken_at: null })
    expect(body.position).toBe(body.size - body.behind)
    expect(body.behind).toBeLessThanOrEqual(1)
  })

  test('goes on where it was when it is changed, begins anew when it was none meanwhile', async () => {
    const path = await registered({ audit: { begin: 'start' } })
    expect((await call('GET', `${path}/audit`)).body.position).toBe(0)
    const { body } = await call('GET', path)
    const { id: _id, created_at: _c, updated_at: _u, failures: _f, ...rest } = body
    expect((await call('PUT', path, { ...rest, audit: { types: ['agent.*'] } })).status).toBe(200)
    expect((await call('GET', `${path}/audit`)).body.position).toBe(0)
    const { audit: _audit, ...without } = rest
    expect((await call('PUT', path, { ...without, events: ['account.claimed'] })).status).toBe(200)
    expect((await call('GET', `${path}/audit`)).status).toBe(404)
    expect((await call('PUT', path, rest)).status).toBe(200)
    expect((await call('DELETE', path)).status).toBe(204)
    expect(await api.admin`select from mayfly.audit_stream where webhook_id = ${parseId('webhook', path.slice(13))!}`).toEqual([])
  })

  test('that is stuck is tried again or passes one message, by an operator whom the log names', async () => {
    const path = await registered({ audit: { begin: 'start' } })
    expect((await call('POST', `${path}/audit/skip`)).status).toBe(409)
    await stuck(path)
    expect((await call('GET', `${path}/audit`)).body).toMatchObject({
      state: 'failing',
      failure: 'answered',
      status: 500,
      failures: 3,
    })
    expect((await call('POST', `${path}/audit/retry`)).status).toBe(204)
    expect((await call('POST', `${path}/audit/skip`)).status).toBe(204)
    expect((await call('GET', `${path}/audit`)).body).toMatchObject({ state: 'behind', position: 2, failures: 0 })
    const events = (await readLog(api.admin)).filter(({ leaf }) => leaf.type.startsWith('audit_stream.'))
    expect(events.map(({ leaf, body }) => [leaf.type, body])).toMatchObject([
      ['audit_stream.retried', { actor: expect.stringMatching(/^crd_/), webhook: path.slice(13) }],
      ['audit_stream.skipped', { actor: expect.stringMatching(/^crd_/), webhook: path.slice(13), from: 0, to: 1 }],
    ])
  })

  test('is the business of its tenant alone; an auditor only looks', async () => {
    const path = await registered()
    await stuck(path)
    expect((await call('GET', `${path}/audit`, undefined, who.auditor)).status).toBe(200)
    for (const verb of ['retry', 'skip']) {
      expect((await call('POST', `${path}/audit/${verb}`, undefined, who.auditor)).status).toBe(403)
      expect((await call('POST', `${path}/audit/${verb}`, undefined, who.otherAdmin)).status).toBe(404)
    }
    expect((await call('GET', `${path}/audit`, undefined, who.otherAdmin)).status).toBe(404)
  })

  test.each([
    ['nothing to tell', { audit: undefined }],
    ['no events and no log', { audit: undefined, events: [] }],
    ['a type that is none', { audit: { types: ['token'] } }],
    ['every type by a star', { audit: { types: ['*'] } }],
    ['another tenant', { audit: { tenant: `ten_${'0'.repeat(32)}` } }],
    ['an agent that is no id', { audit: { agent: 'mine' } }],
  ])('with %s is not registered', async (_, changes) => {
    expect((await call('POST', '/v1/webhooks', input(changes))).status).toBe(400)
  })
})
