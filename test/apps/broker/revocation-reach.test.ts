// Whatever is revoked over /v1 reaches guards that have the tokens in their caches: each kind of entry, with a guard that follows the
// feed of a real broker, and the broker knows whom it has reached.

import { randomUUID, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/registration.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createGuard, type Guard } from '../../../packages/guard/src/index.ts'

const broker = useBroker()
const guards: Guard[] = []
let parent: Workload
let sub: Workload
let ask: Exchanges
beforeAll(async () => {
  const { running } = broker
  ask = exchangesOf(running)
  parent = await registerWorkload(running, 'parent')
  sub = await registerWorkload(running, 'sub')
  for (const name of ['guard-1', 'guard-2', 'guard-3'])
    guards.push(
      createGuard({
        issuer: running.issuer,
        resource: resourceUri,
        credential: running.resourceSecrets.pop,
        tls: { ca: running.ca.certificatePem },
        revocation: { mode: 'feed', name },
        report: false,
      }),
    )
  await Promise.all(guards.map(guard => guard.ready()))
})
afterAll(() => Promise.all(guards.map(guard => guard.close())))

interface Held {
  readonly token: string
  readonly by: Workload
}
/** Whether the guards let it in, each of them. A guard that has just begun may not know the broker's keys yet. */
const isLetIn = async ({ token, by }: Held): Promise<boolean[]> =>
  Promise.all(
    guards.map(async guard => {
      const certificate = new X509Certificate(by.certificate.certificatePem).raw
      const headers = { authorization: `Bearer ${token}` }
      const verdict = await guard.verify({ method: 'GET', url: '/', headers, certificate, operation: { type: 'presence' } })
      return verdict.ok
    }),
  )
const everywhere = [true, true, true]
const nowhere = [false, false, false]

async function handOut(): Promise<{
  readonly parent: Held
  readonly other: Held
  readonly child: Held
  readonly taskId: string
}> {
  const taskId = randomUUID()
  const own = async (task_id: string): Promise<Held> => ({ token: tokenOf(await ask.own(parent, { task_id })), by: parent })
  const delegation = tokenOf(await ask.delegate(parent, sub, { task_id: taskId, scope: 'orders:read' }))
  const child: Held = { token: tokenOf(await ask.openChild(sub, delegation)), by: sub }
  const held = { parent: await own(taskId), other: await own(randomUUID()), child, taskId }
  for (const one of [held.parent, held.other, held.child]) expect(await isLetIn(one)).toEqual(everywhere)
  return held
}
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, string>

/** Revokes, and waits until all have heard of it, as an operator does. */
async function revoke(body: object): Promise<void> {
  const made = await broker.running.v1('POST', '/v1/revocations', body)
  expect(made.status, made.text).toBe(201)
  const { receivers } = (await broker.running.v1('GET', `/v1/revocations/${made.body.id}?wait=10`)).body
  expect(receivers.waiting).toEqual([])
  const names = receivers.acknowledged.map((receiver: { name: string }) => receiver.name)
  expect(names.sort()).toEqual(['guard-1', 'guard-2', 'guard-3'])
}

describe('every guard refuses, once the broker says that all have heard of it', () => {
  test('a token, and goes on with all others', async () => {
    const held = await handOut()
    await revoke({ token: held.parent.token })
    expect(await isLetIn(held.parent)).toEqual(nowhere)
    for (const one of [held.other, held.child]) expect(await isLetIn(one)).toEqual(everywhere)
  })

  test('a task with the accounts below it, and goes on with other tasks', async () => {
    const held = await handOut()
    await revoke({ task: { agent_id: parent.clientId, task_id: held.taskId } })
    for (const one of [held.parent, held.child]) expect(await isLetIn(one)).toEqual(nowhere)
    expect(await isLetIn(held.other)).toEqual(everywhere)
  })

  test('a child account alone', async () => {
    const held = await handOut()
    await revoke({ account_id: claimsOf(held.child.token)['account_id'] })
    expect(await isLetIn(held.child)).toEqual(nowhere)
    for (const one of [held.parent, held.other]) expect(await isLetIn(one)).toEqual(everywhere)
  })

  test('an agent, and whoever acts for it; its new tokens are good', async () => {
    const held = await handOut()
    await revoke({ agent_id: parent.clientId, suspend: false })
    for (const one of [held.parent, held.other, held.child]) expect(await isLetIn(one)).toEqual(nowhere)
    await handOut()
  })

  test('everybody who comes by a trust source', async () => {
    const held = await handOut()
    await revoke({ trust_source_id: broker.running.ids.x509, suspend: false })
    for (const one of [held.parent, held.other, held.child]) expect(await isLetIn(one)).toEqual(nowhere)
  })

  test('every token of the tenant', async () => {
    const held = await handOut()
    await revoke({ tenant: true })
    for (const one of [held.parent, held.other, held.child]) expect(await isLetIn(one)).toEqual(nowhere)
  })

  test('whatever a key signed', async () => {
    const held = await handOut()
    const header = JSON.parse(Buffer.from(held.parent.token.split('.')[0]!, 'base64url').toString()) as { kid: string }
    await revoke({ key_id: header.kid })
    for (const one of [held.parent, held.other, held.child]) expect(await isLetIn(one)).toEqual(nowhere)
  })
})
