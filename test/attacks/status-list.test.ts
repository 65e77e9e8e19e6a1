// What is revoked, and whoever would have a guard believe otherwise, where the guard has no credential and so no feed: it goes by the
// Token Status List that a token names.

import { randomUUID } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { resourceUri } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { derOf, type Exchanges, exchangesOf, registerWorkload, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'

const broker = useBroker()
let exchanges: Exchanges
let guard: Guard
beforeAll(async () => {
  const { running } = broker
  await changeRegistration(running, `/v1/resources/${running.ids.resource}`, () => ({ status_list: true }))
  exchanges = exchangesOf(running)
  guard = newGuard()
})
afterAll(() => guard?.close())

const newGuard = () =>
  createGuard({
    issuer: broker.running.issuer,
    resource: resourceUri,
    tls: { ca: broker.running.ca.certificatePem },
    revocation: { mode: 'status-list' },
  })

let agents = 0
/** An agent of its own, since some of what is revoked here is an agent. */
async function issue(form: Record<string, string> = {}) {
  const agent = await registerWorkload(broker.running, `revoked-${agents++}`)
  const task = randomUUID()
  const { body } = await exchanges.own(agent, { task_id: task, ...form })
  return { agent, task, token: body.access_token as string, accountId: body.account_id as string }
}
type Issued = Awaited<ReturnType<typeof issue>>

const verdict = async (token: string, agent: Workload, by: Guard = guard): Promise<string | number> => {
  const certificate = Buffer.from(derOf(agent), 'base64')
  const headers = { authorization: `Bearer ${token}` }
  const judged = await by.verify({ method: 'GET', url: '/api/orders/1', headers, certificate, scope: ['orders:read'] })
  return judged.ok ? 'ok' : judged.status
}

async function isListed(token: string): Promise<boolean> {
  const { idx, uri } = (decodeJwt(token)['status'] as { status_list: { idx: number; uri: string } }).status_list
  const { text } = await broker.https.send(uri)
  const { lst } = decodeJwt(text)['status_list'] as { lst: string }
  return ((inflateSync(Buffer.from(lst, 'base64url'))[idx >> 3]! >> (idx & 7)) & 1) === 1
}
const soon = { timeout: 8_000, interval: 100 }

describe('18: what was revoked is in the list, by whatever name it was revoked', () => {
  const kidOf = ({ token }: Issued) => decodeProtectedHeader(token).kid
  test.each<[string, (issued: Issued) => object]>([
    ['the token itself', ({ token }) => ({ token })],
    ['its id', ({ token }) => ({ token_id: decodeJwt(token).jti })],
    ['its account', ({ accountId }) => ({ account_id: accountId })],
    ['its task', ({ agent, task }) => ({ task: { agent_id: agent.clientId, task_id: task } })],
    ['its agent', ({ agent }) => ({ agent_id: agent.clientId })],
    ['the trust source of its agent', () => ({ trust_source_id: broker.running.ids.x509, suspend: false })],
    ['the key that signed it', issued => ({ key_id: kidOf(issued) })],
    ['its tenant', () => ({ tenant: true })],
  ])('%s', async (_, nameOf) => {
    const issued = await issue()
    expect(await isListed(issued.token)).toBe(false)
    const { status, text } = await broker.running.v1('POST', '/v1/revocations', nameOf(issued))
    expect(status, text).toBe(201)
    await vi.waitFor(async () => expect(await isListed(issued.token)).toBe(true), soon)
    const next = await issue()
    expect(await isListed(next.token), 'what is issued afterwards is good').toBe(false)
  })
})

describe('a guard that goes by the list', () => {
  test('18: refuses a revoked token that it took before, within ten seconds', async () => {
    const { agent, token, accountId } = await issue()
    expect(await verdict(token, agent)).toBe('ok')
    await broker.running.v1('POST', '/v1/revocations', { account_id: accountId })
    await vi.waitFor(async () => expect(await verdict(token, agent)).toBe(401), { timeout: 10_000, interval: 100 })
  })

  test('18: takes no token that names no list: nobody could ever revoke it', async () => {
    const { running } = broker
    await changeRegistration(running, `/v1/resources/${running.ids.resource}`, () => ({ status_list: false }))
    const { agent, token } = await issue()
    await changeRegistration(running, `/v1/resources/${running.ids.resource}`, () => ({ status_list: true }))
    expect(decodeJwt(token)).not.toHaveProperty('status')
    expect(await verdict(token, agent)).toBe(401)
  })

  test('18: says 503, never yes, where the list that a token names is gone', async () => {
    const { agent, token } = await issue()
    await broker.database.admin`delete from mayfly.token_status`
    await broker.database.admin`update mayfly.feed set epoch = epoch + 1`
    const { uri } = (decodeJwt(token)['status'] as { status_list: { uri: string } }).status_list
    await vi.waitFor(async () => expect((await broker.https.send(uri)).status).toBe(404), soon)
    const fresh = newGuard()
    expect(await verdict(token, agent, fresh)).toBe(503)
    await fresh.close()
  })
})

describe('another tenant’s lists', () => {
  test('22: hold none of this tenant’s tokens, and are told to nobody under this tenant’s path', async () => {
    const other = await createOtherTenant(broker.running, 'neighbour')
    const { token } = await issue()
    const { uri } = (decodeJwt(token)['status'] as { status_list: { uri: string } }).status_list
    const name = uri.slice(uri.lastIndexOf('/'))
    expect((await broker.https.send(`${other.issuer}/status-lists${name}`)).status).toBe(404)
    expect((await broker.https.send(uri)).status).toBe(200)
  })
})
