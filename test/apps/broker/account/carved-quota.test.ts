// What a child may use comes out of what its parent may use.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let limited: Workload
let sub: Workload
let ask: Exchanges
const most = 40
beforeAll(async () => {
  ask = exchangesOf(broker.running)
  limited = await registerWorkload(broker.running, 'limited', { settings: { limits: { account_tokens: most } } })
  sub = await registerWorkload(broker.running, 'sub')
})

const scope = 'orders:read'
/** How many tokens an account gets before it is refused. */
async function useUp(who: Workload, account_id: string): Promise<number> {
  for (let used = 0; ; used++) {
    const answer = await ask.own(who, { account_id })
    if (answer.status !== 200) {
      expect([answer.status, answer.body.error]).toEqual([400, 'access_denied'])
      return used
    }
    expect(used).toBeLessThan(most)
  }
}

describe('an account with a limit of tokens', () => {
  test('gives a child a part of it by number, or there is no child', async () => {
    await ask.own(limited, { task_id: 'named' })
    const nothing = await ask.delegate(limited, sub, { task_id: 'named', scope })
    expect([nothing.status, nothing.body.error, nothing.body.error_description]).toEqual([
      400,
      'invalid_request',
      expect.stringContaining('tokens'),
    ])
    expect((await ask.delegate(limited, sub, { task_id: 'named', scope, tokens: '5' })).status).toBe(200)
  })

  test('and the child gets just that, and the parent the rest: together never more than the limit', async () => {
    const parent = await ask.own(limited, { task_id: 'split' })
    const { account_id } = parent.body
    const child = await ask.openChild(sub, tokenOf(await ask.delegate(limited, sub, { account_id, scope, tokens: '5' })))
    expect(child.status).toBe(200)
    const byChild = 1 + (await useUp(sub, child.body.account_id))
    const byParent = 2 + (await useUp(limited, account_id))
    expect(byChild).toBe(5)
    expect(byParent).toBeLessThanOrEqual(most - 5)
    // At most one block is lost to whoever held it.
    expect(byParent).toBeGreaterThanOrEqual(most - 5 - 16)
  })

  test('cannot give more than it has left, whether at once or bit by bit', async () => {
    const { account_id } = (await ask.own(limited, { task_id: 'greedy' })).body
    const give = (tokens: number) => ask.delegate(limited, sub, { account_id, scope, tokens: String(tokens) })
    const tooMuch = await give(most)
    expect([tooMuch.status, tooMuch.body.error]).toEqual([400, 'access_denied'])
    let given = 0
    for (let n = 0; n < 10 && (await give(8)).status === 200; n++) given += 8
    expect(given).toBeGreaterThan(0)
    expect(given).toBeLessThanOrEqual(most)
  })

  test('loses nothing more by what a sub-agent does with the token', async () => {
    const { account_id } = (await ask.own(limited, { task_id: 'burnt' })).body
    const token = tokenOf(await ask.delegate(limited, sub, { account_id, scope, tokens: '5' }))
    for (let n = 0; n < 12; n++) {
      const wrong = n % 2 === 0 ? { scope: 'orders:write' } : { task_id: `burnt-${n}` }
      await ask.openChild(sub, token, wrong)
    }
    expect(await useUp(limited, account_id)).toBeGreaterThanOrEqual(most - 5 - 2 - 16)
  })

  test('holds a grandchild to the part of the child', async () => {
    const { account_id } = (await ask.own(limited, { task_id: 'deep' })).body
    const child = (await ask.openChild(sub, tokenOf(await ask.delegate(limited, sub, { account_id, scope, tokens: '6' })))).body
    const below = await ask.delegate(sub, limited, { account_id: child.account_id, scope })
    expect(below.body.error).toBe('invalid_request')
    const tooMuch = await ask.delegate(sub, limited, { account_id: child.account_id, scope, tokens: '20' })
    expect(tooMuch.body.error).toBe('access_denied')
  })
})

describe('a parent', () => {
  test('has as many live children as it may, and room again at once when one ends', async () => {
    const { running } = broker
    const path = `/v1/tenants/${running.ids.tenant}/limits`
    const put = async (limits: object) => {
      const answer = await running.v1('PUT', path, { limits })
      expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
    }
    await put({ parent_live_accounts: 2 })
    const { account_id } = (await ask.own(sub, { task_id: 'full' })).body
    const open = async () => ask.openChild(sub, tokenOf(await ask.delegate(sub, sub, { account_id, scope })))
    const children = [await open(), await open()]
    expect(children.map(({ status }) => status)).toEqual([200, 200])
    const third = await open()
    expect([third.status, third.body.error]).toEqual([429, 'temporarily_unavailable'])
    const token = tokenOf(await ask.accountToken(sub, { account_id }))
    const revoked = await broker.https.send(`${running.config.mtlsUrl}/account/children/${children[0]!.body.account_id}/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      certificate: sub.certificate,
    })
    expect(revoked.status).toBe(200)
    expect((await open()).status).toBe(200)
    await put({})
  })
})
