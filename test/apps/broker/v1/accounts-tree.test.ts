import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const ahead = useAccountsAhead(broker)
let workloads: readonly [Workload, Workload, Workload]
let ask: Exchanges
beforeAll(async () => {
  ask = exchangesOf(broker.running)
  workloads = [
    await registerWorkload(broker.running, 'root', { settings: { account_ttl_seconds: 600, longest_account_seconds: 1200 } }),
    await registerWorkload(broker.running, 'child', { settings: { account_ttl_seconds: 600, longest_account_seconds: 86_400 } }),
    await registerWorkload(broker.running, 'grandchild'),
  ]
})

const get = (path: string) => broker.running.v1('GET', path)
const post = (path: string, body?: unknown) => broker.running.v1('POST', path, body)

/** A root, its child and that one's child; ids of their accounts. The root is opened by its own agent, or ahead. */
async function family(rootForm: Record<string, string> = { task_id: randomUUID() }): Promise<[string, string, string]> {
  const [root, child, grandchild] = workloads
  const first = await ask.own(root, rootForm)
  tokenOf(first)
  const open = async (from: Workload, account_id: string, to: Workload): Promise<string> => {
    const form = account_id === first.body.account_id && 'subject_token' in rootForm ? rootForm : { account_id }
    const delegation = tokenOf(await ask.delegate(from, to, { ...form, scope: 'orders:read' }))
    const opened = await ask.openChild(to, delegation, { task_id: randomUUID() })
    tokenOf(opened)
    return opened.body.account_id
  }
  const childId = await open(root, first.body.account_id, child)
  return [first.body.account_id, childId, await open(child, childId, grandchild)]
}

describe('a tree of accounts', () => {
  test('is shown parents first, whole or from any account on', async () => {
    const [root, child, grandchild] = await family()
    const { body } = await get(`/v1/accounts/${root}/tree`)
    expect(body.items).toMatchObject([
      { id: root, parent: null, root, depth: 0, live: true },
      { id: child, parent: root, root, depth: 1, live: true },
      { id: grandchild, parent: child, root, depth: 2, live: true },
    ])
    expect((await get(`/v1/accounts/${child}/tree`)).body.items.map(({ id }: { id: string }) => id)).toEqual([child, grandchild])
    expect((await get(`/v1/accounts/${grandchild}`)).body).toMatchObject({ parent: child, root, depth: 2 })
  })

  test('ends with its root at once, though the rows below still say active', async () => {
    const [root, child, grandchild] = await family()
    expect((await post(`/v1/accounts/${root}/revoke`)).body).toMatchObject({ state: 'revoked', live: false })
    for (const id of [child, grandchild])
      expect((await get(`/v1/accounts/${id}`)).body).toMatchObject({ state: 'active', live: false })
    const late = await post(`/v1/accounts/${child}/complete`)
    expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining('an account above it has ended')])
  })

  test('ends from any account downwards, and leaves what is above it', async () => {
    const [root, child, grandchild] = await family()
    await post(`/v1/accounts/${child}/complete`)
    const lives = await Promise.all([root, child, grandchild].map(async id => (await get(`/v1/accounts/${id}`)).body.live))
    expect(lives).toEqual([true, false, false])
  })

  test('gives no account below a longer life than those above it have', async () => {
    const [root, child] = await family()
    const until = Date.parse((await get(`/v1/accounts/${root}`)).body.expires_at)
    const beyond = await post(`/v1/accounts/${child}/extend`, { ttl: Math.ceil((until - Date.now()) / 1000) + 60 })
    expect([beyond.status, beyond.body.errors?.[0].pointer]).toEqual([400, '/ttl'])
    expect((await post(`/v1/accounts/${root}/extend`, { ttl: 900 })).status).toBe(200)
    expect((await post(`/v1/accounts/${child}/extend`, { ttl: 800 })).status).toBe(200)
    expect((await post(`/v1/accounts/${root}/extend`, { ttl: 5000 })).status).toBe(400)
  })

  test('grows below an account that was opened ahead too: its holder delegates like any agent', async () => {
    const { body } = await ahead.open({ agent: workloads[0].clientId, task_id: randomUUID() })
    const subject_token_type = body.account_credential_type
    const [root, child] = await family({ subject_token: body.account_credential, subject_token_type })
    expect(root).toBe(body.account_id)
    expect((await get(`/v1/accounts/${child}`)).body).toMatchObject({ parent: root, live: true })
  })
})
