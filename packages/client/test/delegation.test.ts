import { describe, expect, test } from 'vitest'
import { failureOf, permissions, useWorld } from './world.ts'

const world = useWorld()
const sub = `agt_${'2'.repeat(32)}`
const formOf = (n: number) => new URLSearchParams(world.exchanges()[n]!.body)
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

describe('a parent', () => {
  test('names who may act, for the broker itself, and what that may be granted at most', async () => {
    world.answerToken = () => world.granted({ token_type: 'N_A', account_id: 'acct_9' })
    const given = await world
      .client()
      .delegate(sub, { accountId: 'acct_9', scope: ['orders:read'], maxDepth: 2, accountTtl: 600, tokens: 5 })
    expect(given).toMatchObject({ token: 'token-1', accountId: 'acct_9' })
    expect(Object.fromEntries(formOf(0))).toMatchObject({
      resource: world.plain.origin,
      may_act: sub,
      scope: 'orders:read',
      account_id: 'acct_9',
      max_depth: '2',
      account_ttl: '600',
      tokens: '5',
    })
    expect(formOf(0).has('spend_units')).toBe(false)
  })

  test('with a DPoP key too, though what it gets is bound to no key of its own; a token that is bound to one is none', async () => {
    world.answerToken = () => world.granted({ token_type: 'N_A' })
    const client = world.client({ dpop: true })
    expect((await client.delegate(sub, { accountId: 'acct_9', scope: 'a' })).token).toBe('token-1')
    world.answerToken = () => world.granted({ token_type: 'DPoP' })
    expect((await failureOf(client.delegate(sub, { accountId: 'acct_9', scope: 'a' }))).error).toBe('invalid_response')
  })

  test('needs the issuer', async () => {
    const client = world.client({ issuer: undefined as never, tokenEndpoint: `${world.plain.origin}/token` })
    await expect(client.delegate(sub, { accountId: 'acct_9', scope: 'a' })).rejects.toThrow(TypeError)
  })
})

describe('a sub-agent', () => {
  test('opens with the delegation token and its own credential, and renews with its own credential alone', async () => {
    world.answerToken = () => world.granted({ account_id: 'acct_child' })
    const token = world.client().openChild('delegation', permissions)
    await token.get()
    expect(Object.fromEntries(formOf(0))).toMatchObject({
      subject_token: 'delegation',
      subject_token_type: accessTokenType,
      actor_token: 'workload-token',
      actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: permissions.resource,
      task_id: permissions.taskId,
    })
    token.drop()
    await token.get()
    const renewal = formOf(1)
    expect([renewal.get('subject_token'), renewal.get('account_id')]).toEqual(['workload-token', 'acct_child'])
    for (const name of ['actor_token', 'actor_token_type', 'task_id']) expect(renewal.has(name)).toBe(false)
  })

  test('repeats the opening with the same delegation token when no answer came', async () => {
    let asked = 0
    world.answerToken = () => (asked++ === 0 ? { status: 503, body: {} } : world.granted())
    await world.client().openChild('delegation', permissions).get()
    expect([formOf(0).get('subject_token'), formOf(1).get('subject_token')]).toEqual(['delegation', 'delegation'])
  })
})
