// A tree of accounts through the real broker: opened by delegation, each with its own key, ended with what it descends from.

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { readLog } from '#test/setup/log-reader.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let agents: { root: Workload; middle: Workload; leaf: Workload }
let ask: Exchanges
beforeAll(async () => {
  ask = exchangesOf(broker.running)
  const ceiling = { scope: 'orders:read orders:write' }
  agents = {
    root: await registerWorkload(broker.running, 'root', { ceiling }),
    middle: await registerWorkload(broker.running, 'middle', { ceiling }),
    leaf: await registerWorkload(broker.running, 'leaf'),
  }
})

const hex = (id: string): string => id.slice(id.indexOf('_') + 1)

describe('a chain of three', () => {
  test('each has its own account, key and task; authority, transaction and the whole chain of actors come from the tree', async () => {
    const { running } = broker
    const { root, middle, leaf } = agents
    const first = await ask.own(root, { task_id: 'chain', scope: 'orders:read orders:write' })
    const scope = 'orders:read'
    const forMiddle = await ask.delegate(root, middle, { account_id: first.body.account_id, scope })
    expect(forMiddle.body).toMatchObject({ token_type: 'N_A', scope, account_id: first.body.account_id })
    expect(decodeProtectedHeader(forMiddle.body.access_token).typ).toBe('agent-delegation+jwt')
    expect(decodeJwt(forMiddle.body.access_token)).toMatchObject({
      aud: running.issuer,
      may_act: { iss: running.issuer, sub: middle.clientId },
      delegation: { depth: 0, max_depth: 4 },
    })
    expect(decodeJwt(forMiddle.body.access_token)).not.toHaveProperty('cnf')

    const child = await ask.openChild(middle, tokenOf(forMiddle), { task_id: 'part' })
    expect(child.body).not.toHaveProperty('claim_uri')
    const forLeaf = await ask.delegate(middle, leaf, { account_id: child.body.account_id, scope, max_depth: '2' })
    const grandchild = await ask.openChild(leaf, tokenOf(forLeaf))
    const actor = (who: Workload, act?: object) => ({
      iss: running.issuer,
      sub: who.clientId,
      sub_profile: 'ai_agent',
      ...(act && { act }),
    })
    const claims = decodeJwt(tokenOf(grandchild))
    expect(claims).toMatchObject({
      sub: first.body.account_id,
      txn: `txn_${hex(first.body.account_id)}`,
      account_id: grandchild.body.account_id,
      client_id: leaf.clientId,
      act: actor(leaf, actor(middle, actor(root))),
      delegation: { depth: 2, max_depth: 2 },
      scope,
    })
    const accounts = new Set([first, child, grandchild].map(({ body }) => body.account_id))
    expect(accounts.size).toBe(3)
    const keys = new Set(
      [first, child, grandchild].map(answer => (decodeJwt(tokenOf(answer))['cnf'] as Record<string, string>)['x5t#S256']),
    )
    expect(keys.size).toBe(3)

    // Afterwards by its own credential and account_id, with the same chain.
    const renewed = await ask.own(leaf, { account_id: grandchild.body.account_id })
    expect(decodeJwt(tokenOf(renewed))).toMatchObject({ sub: claims.sub, txn: claims['txn'], act: claims['act'] })
    // Nobody lies deeper than was said.
    const deeper = await ask.delegate(leaf, middle, { account_id: grandchild.body.account_id, scope })
    expect([deeper.status, deeper.body.error]).toEqual([400, 'access_denied'])
  })

  test('the log says of each opening where it descends from', async () => {
    const { root, middle } = agents
    const first = await ask.own(root, { task_id: 'logged' })
    const from = (await readLog(broker.database.admin)).length
    const child = await ask.openChild(
      middle,
      tokenOf(await ask.delegate(root, middle, { task_id: 'logged', scope: 'orders:read' })),
    )
    const events = (await readLog(broker.database.admin, from)).map(({ leaf, body }) => [leaf.type, body])
    expect(events).toEqual([
      ['token.issued', expect.objectContaining({ kind: 'delegation', may_act: middle.clientId, resource: 'issuer' })],
      [
        'account.opened',
        expect.objectContaining({ parent: uuidOf(first.body.account_id), root: uuidOf(first.body.account_id), depth: 1 }),
      ],
      ['token.issued', expect.anything()],
    ])
    expect(child.status).toBe(200)
  })
})

const uuidOf = (id: string): string => hex(id).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

describe('a child is narrower or equal, shorter or equal', () => {
  test('it gets nothing that was not delegated, though its agent might', async () => {
    const { root, middle } = agents
    await ask.own(root, { task_id: 'narrow', scope: 'orders:read orders:write' })
    const token = tokenOf(await ask.delegate(root, middle, { task_id: 'narrow', scope: 'orders:read' }))
    const wider = await ask.openChild(middle, token, { scope: 'orders:write' })
    expect([wider.status, wider.body.error]).toEqual([400, 'invalid_scope'])
    const child = await ask.openChild(middle, token)
    const later = await ask.own(middle, { account_id: child.body.account_id, scope: 'orders:write' })
    expect([later.status, later.body.error]).toEqual([400, 'invalid_scope'])
  })

  test('and nothing that its own agent, or by now an agent above, may not', async () => {
    const { running } = broker
    const above = await registerWorkload(running, 'above', { ceiling: { scope: 'orders:read orders:write' } })
    const { middle, leaf } = agents
    await ask.own(above, { task_id: 'later', scope: 'orders:write' })
    const both = { task_id: 'later', scope: 'orders:read orders:write' }
    const beyondAgent = await ask.openChild(leaf, tokenOf(await ask.delegate(above, leaf, both)), { scope: 'orders:write' })
    expect(beyondAgent.body.error).toBe('invalid_scope')
    const child = await ask.openChild(middle, tokenOf(await ask.delegate(above, middle, both)), { scope: 'orders:write' })
    expect(child.status).toBe(200)
    const { body: view } = await running.v1('GET', `/v1/agents/${above.clientId}`)
    const { id: _, client_id: __, created_at: ___, updated_at: ____, ...registration } = view
    const changed = await running.v1('PUT', `/v1/agents/${above.clientId}`, {
      ...registration,
      ceiling: { scope: 'orders:read' },
    })
    expect(changed.status).toBe(200)
    const renewed = await ask.own(middle, { account_id: child.body.account_id, scope: 'orders:write' })
    expect([renewed.status, renewed.body.error]).toEqual([400, 'invalid_scope'])
    expect((await ask.own(middle, { account_id: child.body.account_id })).status).toBe(200)
  })

  test('nothing named is an error, and so is more than the parent may', async () => {
    const { root, middle } = agents
    await ask.own(root, { task_id: 'named' })
    expect((await ask.delegate(root, middle, { task_id: 'named', scope: undefined })).body.error).toBe('invalid_scope')
    expect((await ask.delegate(root, middle, { task_id: 'named', scope: 'orders:delete' })).body.error).toBe('invalid_scope')
  })

  test('it ends before its parent, and as early as the parent said; its first token not after the delegation', async () => {
    const { root, middle } = agents
    const parent = await ask.own(root, { task_id: 'short' })
    const delegation = await ask.delegate(root, middle, { task_id: 'short', scope: 'orders:read', ttl: '60' })
    const child = await ask.openChild(middle, tokenOf(delegation))
    expect(child.body.account_expires_in).toBeLessThanOrEqual(parent.body.account_expires_in)
    expect(child.body.expires_in).toBeLessThanOrEqual(60)
    const said = await ask.delegate(root, middle, { task_id: 'short', scope: 'orders:read', account_ttl: '90' })
    expect((await ask.openChild(middle, tokenOf(said))).body.account_expires_in).toBeLessThanOrEqual(90)
  })
})

describe('one delegation token opens one child', () => {
  test('again for the same task: the same account; for another: nothing', async () => {
    const { root, middle } = agents
    await ask.own(root, { task_id: 'once' })
    const token = tokenOf(await ask.delegate(root, middle, { task_id: 'once', scope: 'orders:read' }))
    const [first, again] = [await ask.openChild(middle, token), await ask.openChild(middle, token)]
    expect(tokenOf(again)).not.toBe(tokenOf(first))
    expect(again.body.account_id).toBe(first.body.account_id)
    const other = await ask.openChild(middle, token, { task_id: 'another' })
    expect([other.status, other.body.error]).toEqual([400, 'invalid_request'])
  })

  test('at the same time for twelve tasks: exactly one', async () => {
    const { root, middle } = agents
    await ask.own(root, { task_id: 'race' })
    const token = tokenOf(await ask.delegate(root, middle, { task_id: 'race', scope: 'orders:read' }))
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => ask.openChild(middle, token, { task_id: `race-${i}` })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) if (status !== 200) expect(body.error).toBe('invalid_request')
  })

  test('a child that comes back with a new token for the same task under the same parent is in its account', async () => {
    const { root, middle } = agents
    await ask.own(root, { task_id: 'back' })
    const open = async () =>
      ask.openChild(middle, tokenOf(await ask.delegate(root, middle, { task_id: 'back', scope: 'orders:read' })), {
        task_id: 'back-1',
      })
    expect((await open()).body.account_id).toBe((await open()).body.account_id)
    // Under another parent it is another's task.
    await ask.own(root, { task_id: 'back-other' })
    const token = tokenOf(await ask.delegate(root, middle, { task_id: 'back-other', scope: 'orders:read' }))
    expect((await ask.openChild(middle, token, { task_id: 'back-1' })).body.error).toBe('access_denied')
  })
})
