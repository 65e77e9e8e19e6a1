import { describe, expect, test } from 'vitest'
import { failureOf, useWorld } from './world.ts'

const world = useWorld()
const account = { id: 'acct_1', state: 'active' }

describe('an account', () => {
  test('is reached with a token for the broker itself, in that account, on the port that takes the certificate', async () => {
    world.answerAccount = () => ({ status: 200, body: account })
    const client = world.client()
    expect(await client.account('acct_1').get()).toEqual(account)
    const form = new URLSearchParams(world.exchanges()[0]!.body)
    expect(Object.fromEntries(form)).toMatchObject({ resource: world.plain.origin, scope: 'account', account_id: 'acct_1' })
    const [call] = world.mtls.received.filter(({ path }) => path !== '/token')
    expect([call!.method, call!.path, call!.headers.authorization]).toEqual(['GET', '/account', 'Bearer token-1'])
  })

  test('is completed, given up, extended and shown to a person by one call each', async () => {
    const calls: string[] = []
    world.answerAccount = ({ method, path, body }) => {
      calls.push(`${method} ${path} ${body}`.trim())
      // As the broker answers what it has made.
      if (path.endsWith('claim-code')) return { status: 201, body: { code: '123456', expires_in: 600 } }
      if (path.endsWith('attachments')) return { status: 201, body: { id: 'att_1', access: { user: 'mf_1' }, state: 'active' } }
      return { status: 200, body: account }
    }
    const own = world.client().account('acct_1')
    await own.extend(600)
    expect(await own.claimCode()).toEqual({ code: '123456', expiresIn: 600 })
    expect(await own.attach('orders-db')).toEqual({ id: 'att_1', access: { user: 'mf_1' } })
    await own.complete()
    await own.revoke()
    expect(calls).toEqual([
      'POST /account/extend {"ttl":600}',
      'POST /account/claim-code',
      'POST /account/attachments {"connector":"orders-db"}',
      'POST /account/complete',
      'POST /account/revoke',
    ])
    expect(world.exchanges()).toHaveLength(1)
  })

  test('that the broker refuses to change says why, and after a 401 asks for another token', async () => {
    world.answerAccount = () => ({ status: 409, body: { type: 'urn:mayfly:error:conflict', detail: 'Changed meanwhile.' } })
    const own = world.client().account('acct_1')
    expect(await failureOf(own.complete())).toMatchObject({ error: 'conflict', status: 409, description: 'Changed meanwhile.' })
    world.answerAccount = () => ({ status: 401, body: { type: 'urn:mayfly:error:invalid_token', title: 'No.' } })
    await failureOf(own.get())
    await failureOf(own.get())
    expect(world.exchanges()).toHaveLength(2)
  })

  test('shows what is attached and what is below it, page by page, and ends one of them', async () => {
    const calls: string[] = []
    world.answerAccount = ({ method, path }) => {
      calls.push(`${method} ${path}`)
      if (method === 'DELETE') return { status: 204 }
      if (method === 'POST') return { status: 200, body: { id: 'acct_2', state: 'revoked' } }
      return {
        status: 200,
        body: path.includes('cursor') ? { items: [{ id: 'b' }] } : { items: [{ id: 'a' }], next_cursor: 'n/1' },
      }
    }
    const own = world.client().account('acct_1')
    expect((await own.attachments().all()).map(({ id }) => id)).toEqual(['a', 'b'])
    expect((await own.children().page()).items).toHaveLength(1)
    await own.detach('att_1')
    expect((await own.revokeChild('acct_2')).state).toBe('revoked')
    expect(calls).toEqual([
      'GET /account/attachments',
      'GET /account/attachments?cursor=n%2F1',
      'GET /account/children',
      'DELETE /account/attachments/att_1',
      'POST /account/children/acct_2/revoke',
    ])
  })

  test('needs the issuer, and a broker that answers with an object', async () => {
    const client = world.client({ issuer: undefined as never, tokenEndpoint: `${world.plain.origin}/token` })
    expect(() => client.account('acct_1')).toThrow(TypeError)
    world.answerAccount = () => ({ status: 200, body: [] })
    expect((await failureOf(world.client().account('acct_1').get())).error).toBe('invalid_response')
  })
})
