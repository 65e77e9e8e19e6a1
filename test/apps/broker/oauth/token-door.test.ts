// The short way of a token request answers like the long one.

import { beforeAll, describe, expect, it, vi } from 'vitest'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import type { Answer } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

/** Only the exact media type goes the short way. */
const longWay = { 'content-type': `${formHeaders['content-type']}; charset=utf-8` }

function post(path: string, body: string | Buffer, headers: Record<string, string>): Promise<Answer> {
  const { config, certificate } = broker.running
  return broker.https.send(`${config.mtlsUrl}${path}`, { method: 'POST', body, headers, certificate })
}

/** How many requests Fastify routes while `work` runs, and what `work` gives. */
async function countRouted<Result>(work: () => Promise<Result>): Promise<[number, Result]> {
  const routing = vi.spyOn(broker.running.broker.app, 'routing')
  try {
    const result = await work()
    return [routing.mock.calls.length, result]
  } finally {
    routing.mockRestore()
  }
}

/** All but what differs from one request to the next, and whether the connection stays: Fastify ends it after a body it cannot read. */
function shapeOf({ status, headers, body }: Answer) {
  const { date, 'content-length': length, connection: _1, 'keep-alive': _2, ...rest } = headers
  expect([date, length]).not.toContain(undefined)
  // How much is left of a limit, and until when, is another with each request.
  const ratelimit = String(rest['ratelimit']).replace(/[rt]=\d+/g, '')
  return { status, headers: { ...rest, ratelimit }, body: status === 200 ? Object.keys(body) : body }
}

describe('the short way answers like the long one', () => {
  beforeAll(async () => void (await post('/token', good(), formHeaders)))
  const good = () => formBody(broker.running.form({ task_id: 'door' }))
  it.each<[string, string, () => string | Buffer, Record<string, string>]>([
    ['a token', '/token', good, {}],
    ['an empty body', '/token', () => '', { 'content-length': '0' }],
    ['a body that is no UTF-8', '/token', () => Buffer.from('grant_type=\xff', 'latin1'), {}],
    ['an unknown grant', '/token', () => 'grant_type=x', {}],
    ['a scope beyond the ceiling', '/token', () => formBody(broker.running.form({ scope: 'orders:write' })), {}],
    ['a workload token of nobody', '/token', () => formBody(broker.running.form({ subject_token: 'a.b.c' })), {}],
    ['Authorization, which is not used here', '/token', good, { authorization: 'Basic eDp5' }],
    ['a bad Idempotency-Key', '/token', good, { 'idempotency-key': 'x' }],
    ['a tenant that does not exist', '/t/nobody/token', good, {}],
  ])('to %s', async (_what, path, body, headers) => {
    const [routed, short] = await countRouted(() => post(path, body(), { ...formHeaders, ...headers }))
    expect(routed).toBe(0)
    const [routedLong, long] = await countRouted(() => post(path, body(), { ...longWay, ...headers }))
    expect(routedLong).toBe(1)
    expect(shapeOf(short)).toEqual(shapeOf(long))
  })

  it('for a tenant with a path of its own', async () => {
    const tenant = await createOtherTenant(broker.running, 'door')
    const path = `${new URL(tenant.issuer).pathname}/token`
    const [routed, short] = await countRouted(() => post(path, 'grant_type=x', formHeaders))
    expect(routed).toBe(0)
    expect(shapeOf(short)).toEqual(shapeOf(await post(path, 'grant_type=x', longWay)))
  })
})

it.each([
  ['a query', '/token?x=1', 'x=1'],
  ['a slash at the end', '/token/', 'x=1'],
  ['a path in capitals', '/TOKEN', 'x=1'],
  ['a large body', '/token', `x=${'a'.repeat(70_000)}`],
])('%s goes the long way', async (_what, path, body) => {
  const [routed] = await countRouted(() => post(path, body, formHeaders))
  expect(routed).toBe(1)
})

it('a body that breaks off is nobody’s: no answer, no line in the log, and the next caller is served', async () => {
  const { config, certificate, logLines } = broker.running
  const before = logLines.length
  const abort = async function* () {
    yield Buffer.from('grant_type=')
    throw new Error('broke off')
  }
  await expect(
    broker.https.send(`${config.mtlsUrl}/token`, {
      method: 'POST',
      headers: { ...formHeaders, 'content-length': '400' },
      body: abort(),
      certificate,
    }),
  ).rejects.toThrow()
  expect((await post('/token', formBody(broker.running.form({ task_id: 'after' })), formHeaders)).status).toBe(200)
  expect(logLines.slice(before)).toEqual([])
})
