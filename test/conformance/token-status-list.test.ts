// draft-ietf-oauth-status-list-21, Token Status List: for verifiers that have no credential, and so no feed.

import { randomUUID } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { deleteExpired } from '#db/housekeeping/delete-expired.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { onceResourceUri } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { fixedKeys } from '../../packages/guard/src/broker/key-source.ts'
import { StatusLists } from '../../packages/guard/src/status-list/status-lists.ts'

const broker = useBroker()
let agent: Workload
let exchanges: Exchanges
beforeAll(async () => {
  const { running } = broker
  await changeRegistration(running, `/v1/resources/${running.ids.resource}`, () => ({ status_list: true }))
  agent = await registerWorkload(running, 'listed')
  exchanges = exchangesOf(running)
})

interface Status {
  readonly idx: number
  readonly uri: string
}
const statusOf = (token: string): Status => (decodeJwt(token)['status'] as { status_list: Status }).status_list

async function issue(taskId: string = randomUUID()) {
  const answer = await exchanges.own(agent, { task_id: taskId })
  const token = tokenOf(answer)
  return { token, accountId: answer.body.account_id as string, status: statusOf(token) }
}

async function read({ idx, uri }: Status): Promise<number | undefined> {
  const { status, text } = await broker.https.send(uri)
  if (status !== 200) throw new Error(`${status} ${text}`)
  const { lst } = decodeJwt(text)['status_list'] as { lst: string }
  return (inflateSync(Buffer.from(lst, 'base64url'))[idx >> 3]! >> (idx & 7)) & 1
}

/** A list is at most a second old where it is made. */
const untilRevoked = (status: Status) =>
  vi.waitFor(async () => expect(await read(status)).toBe(1), { timeout: 5_000, interval: 100 })

const end = async (accountId: string, verb: string): Promise<void> => {
  expect((await broker.running.v1('POST', `/v1/accounts/${accountId}/${verb}`)).status).toBe(200)
}

describe('a token', () => {
  test('says where it stands, if its resource asks for it, and no two stand in one place (§ 6.1)', async () => {
    const places = await Promise.all(Array.from({ length: 20 }, () => issue().then(({ status }) => status)))
    expect(new Set(places.map(({ idx, uri }) => `${idx} ${uri}`)).size).toBe(20)
    for (const { uri } of places) expect(uri).toMatch(new RegExp(`^${broker.running.issuer}/status-lists/stl_`))
  })

  test('of any other resource says nothing and is written nowhere', async () => {
    const [before] = await broker.database.admin`select count(*)::int as count from mayfly.token_status`
    const answer = await exchanges.own(agent, { task_id: randomUUID(), resource: onceResourceUri })
    expect(decodeJwt(tokenOf(answer))).not.toHaveProperty('status')
    expect((await broker.database.admin`select count(*)::int as count from mayfly.token_status`)[0]).toEqual(before)
  })
})

describe('a list', () => {
  test('is signed by a published key, as a list, for its own address (§§ 5.1, 8.2)', async () => {
    const { token, status } = await issue()
    const { headers, text } = await broker.https.send(status.uri, { headers: { accept: 'application/statuslist+jwt' } })
    expect(headers).toMatchObject({
      'content-type': 'application/statuslist+jwt',
      'access-control-allow-origin': '*',
      'cache-control': 'public, max-age=2',
    })
    const keys = createLocalJWKSet((await broker.https.send(`${broker.running.issuer}/jwks`)).body)
    const { payload } = await jwtVerify(text, keys, {
      typ: 'statuslist+jwt',
      subject: status.uri,
      requiredClaims: ['iat', 'exp'],
    })
    expect(payload['ttl']).toBe(5)
    expect(payload.exp! - payload.iat!).toBeLessThanOrEqual(10)
    expect(
      (
        await broker.https.send(`${broker.running.issuer}/introspect`, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            authorization: `Bearer ${broker.running.resourceSecrets.pop}`,
          },
          body: new URLSearchParams({ token: text }).toString(),
        })
      ).body,
      'and is no token itself',
    ).toEqual({ active: false })
    expect(decodeJwt(token)['iss']).toBe(payload.iss)
  })

  test.each(['revoke', 'complete'])('shows a token whose account has ended (%s), and no other', async verb => {
    const [ended, alive] = [await issue(), await issue()]
    expect([await read(ended.status), await read(alive.status)]).toEqual([0, 0])
    await end(ended.accountId, verb)
    await untilRevoked(ended.status)
    expect(await read(alive.status)).toBe(0)
  })

  test('shows the tokens of a whole tree whose root has ended', async () => {
    const child = await registerWorkload(broker.running, 'listed-child')
    const root = await issue()
    const delegation = tokenOf(await exchanges.delegate(agent, child, { account_id: root.accountId, scope: 'orders:read' }))
    const below = statusOf(tokenOf(await exchanges.openChild(child, delegation, { task_id: randomUUID() })))
    expect(await read(below)).toBe(0)
    await end(root.accountId, 'revoke')
    await untilRevoked(below)
    await untilRevoked(root.status)
  })

  test('is read by the guard’s reader, which then knows what was revoked', async () => {
    const { status, accountId } = await issue()
    const jwks = (await broker.https.send(`${broker.running.issuer}/jwks`)).body
    let ms = 0
    const lists = new StatusLists({
      issuer: broker.running.issuer,
      findKey: fixedKeys(jwks),
      fetchText: async uri => (await broker.https.send(uri)).text,
      maxStaleMs: 10_000,
      monotonicMs: () => ms,
    })
    expect(await lists.isRevoked(status)).toBe('valid')
    await end(accountId, 'revoke')
    await vi.waitFor(
      async () => {
        ms += 6_000
        expect(await lists.isRevoked(status)).toBe('revoked')
      },
      { timeout: 5_000, interval: 100 },
    )
  })

  test('is there only under its own tenant, by its whole name, for who asks for the present (§§ 8.1, 8.4)', async () => {
    const { uri } = (await issue()).status
    const other = await createOtherTenant(broker.running, 'listless')
    const name = uri.slice(uri.lastIndexOf('/') + 1)
    const wrong = [
      `${other.issuer}/status-lists/${name}`,
      uri.slice(0, -1),
      `${uri}A`,
      uri.replace(/\.[^./]*$/, ''),
      uri.replace(/stl_./, 'stl_'),
    ]
    for (const address of wrong) expect([address, (await broker.https.send(address)).status]).toEqual([address, 404])
    expect((await broker.https.send(`${uri}?time=1795305600`)).status).toBe(501)
    expect((await broker.https.send(uri, { method: 'POST' })).status).toBe(405)
  })

  test('is gone once nobody stands in it any more', async () => {
    const { admin, database } = broker.database
    const { status, accountId } = await issue()
    await admin`update mayfly.token_status set until = now() - interval '2 minutes'`
    expect((await deleteExpired(database.sql)).statuses).toBeGreaterThan(0)
    // It is made anew, now and not within a minute, since the feed has moved on.
    await end(accountId, 'revoke')
    await vi.waitFor(async () => expect((await broker.https.send(status.uri)).status).toBe(404), {
      timeout: 5_000,
      interval: 100,
    })
  })
})
