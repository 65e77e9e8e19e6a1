// packages/client against a real broker: its API as methods, RFC 7662 and RFC 7009, a guard that hears of revocations.

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import {
  ApiError,
  createMayflyApi,
  createMayflyClient,
  isWaiting,
  type MayflyApiClient,
  watchRevocation,
} from '../../packages/client/src/index.ts'
import { type GuardedServer, startOrders } from '../client/servers.ts'

const broker = useBroker()
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(one => one.close()))
})

const api = (token = broker.running.operatorToken, url = broker.running.issuer): MayflyApiClient => {
  const made = createMayflyApi({ url, token, ca: broker.running.ca.certificatePem })
  open.push(made)
  return made
}
function agent() {
  const { running } = broker
  const { chainPem: cert, keyPem: key } = running.certificate
  const ca = running.ca.certificatePem
  const made = createMayflyClient({ issuer: running.issuer, ca, certificate: { cert, key }, subjectToken: () => running.mint() })
  open.push(made)
  return made
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('the API as methods', () => {
  test('registers, finds, replaces and deletes, with typed answers', async () => {
    const { trustSources } = api()
    const made = await trustSources.create({ kind: 'pinned', name: 'laptops' })
    if (isWaiting(made)) throw new Error('nobody asked for a second person')
    expect(await trustSources.get(made.id)).toMatchObject({ kind: 'pinned', name: 'laptops' })
    const replaced = await trustSources.replace(made.id, { kind: 'pinned', name: 'desktops' })
    expect(replaced).toMatchObject({ id: made.id, name: 'desktops' })
    await trustSources.delete(made.id)
    expect(await failure(trustSources.get(made.id))).toMatchObject({ error: 'not_found', status: 404 })
  })

  test('reads lists to their end, page by page', async () => {
    const { trustSources } = api()
    for (const name of ['a', 'b', 'c', 'd', 'e']) await trustSources.create({ kind: 'pinned', name: `page-${name}` })
    const names: string[] = []
    for await (const { name } of trustSources.list({ limit: 2 })) names.push(name)
    expect(names.filter(name => name.startsWith('page-'))).toHaveLength(5)
    expect(new Set(names).size).toBe(names.length)
  })

  test('tells what does not fit, and who may not', async () => {
    const error = await failure(api().agents.create({ name: 'x' } as never))
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ error: 'validation_failed', requestId: expect.stringMatching(/^req_/) })
    expect((error as ApiError).faults.map(({ pointer }) => pointer)).toContain('/owner')
    expect(await failure(api('mfo_nobody').whoami())).toMatchObject({ status: 401 })
  })

  test('does the work once for one Idempotency-Key', async () => {
    const { trustSources } = api()
    const ask = () => trustSources.create({ kind: 'pinned', name: 'once' }, { idempotencyKey: 'the-very-same-one' })
    expect(await ask()).toEqual(await ask())
  })

  test('asks of a token as its resource (RFC 7662), at the tenant’s issuer', async () => {
    const { running } = broker
    const { accessToken, accountId } = await agent()
      .taskToken({ resource: (await resource()).uri, scope: 'orders:read', taskId: 'asked' })
      .get()
    const own = api(running.resourceSecrets.pop)
    expect(await own.introspect(accessToken)).toMatchObject({ active: true, account_id: accountId })
    expect(await own.introspect('junk')).toEqual({ active: false })
    const { slug } = (await createOtherTenant(running, 'elsewhere')) as unknown as { slug?: string }
    const elsewhere = api(running.resourceSecrets.pop, `${running.issuer}/t/${slug ?? 'elsewhere'}`)
    expect(await failure(elsewhere.introspect(accessToken))).toMatchObject({ status: 401 })
  })
  const resource = () => api().resources.get(broker.running.ids.resource)
})

describe('revocation', () => {
  let orders: GuardedServer
  beforeAll(async () => {
    orders = await startOrders(broker.running)
  })
  afterAll(() => orders?.close())
  const permissions = (taskId: string) => ({ resource: orders.url, scope: 'orders:read', taskId })
  const url = () => `${orders.url}/orders/42`

  test('of one token is replaced by the client without a word: the account lives', async () => {
    const client = agent()
    const token = client.taskToken(permissions('one-token'))
    expect((await client.fetch(url(), undefined, token)).status).toBe(200)
    const first = await token.get()
    await client.revokeToken(first)
    await vi.waitFor(async () => {
      expect((await client.fetch(url(), undefined, token)).status).toBe(200)
      expect((await token.get()).accessToken).not.toBe(first.accessToken)
    })
    expect((await token.get()).accountId).toBe(first.accountId)
  })

  test('of the account stands: the resource’s 401 reaches the caller, and nothing new is had', async () => {
    const client = agent()
    const token = client.taskToken(permissions('whole-account'))
    expect((await client.fetch(url(), undefined, token)).status).toBe(200)
    const { accountId } = await token.get()
    await api().accounts.revoke(accountId!)
    const refused = await vi.waitFor(async () => {
      const outcome = await client.fetch(url(), undefined, token).catch(error => error)
      expect(outcome.status).not.toBe(200)
      return outcome
    })
    expect(refused.status).toBe(401)
    expect(await failure(client.fetch(url(), undefined, token))).toMatchObject({ error: 'access_denied' })
  })

  test('can be watched until every guard has it', async () => {
    const client = agent()
    const token = client.taskToken(permissions('watched'))
    expect((await client.fetch(url(), undefined, token)).status).toBe(200)
    const operator = api()
    const { id } = await operator.revocations.create({ account_id: (await token.get()).accountId! })
    let last: { readonly acknowledged: readonly unknown[]; readonly waiting: readonly unknown[] } | undefined
    for await (const { receivers } of watchRevocation(operator, id, { signal: AbortSignal.timeout(20_000) })) last = receivers
    expect([last!.waiting.length, last!.acknowledged.length > 0]).toEqual([0, true])
  })
})
