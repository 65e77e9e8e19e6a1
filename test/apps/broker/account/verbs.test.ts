// What an agent may do with its own account, and who else may not.

import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { changeAccounts } from '#core/account/change-accounts.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { readLog } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let agents: { root: Workload; long: Workload; sub: Workload }
let ask: Exchanges
beforeAll(async () => {
  ask = exchangesOf(broker.running)
  agents = {
    root: await registerWorkload(broker.running, 'root'),
    long: await registerWorkload(broker.running, 'long', {
      settings: { account_ttl_seconds: 600, longest_account_seconds: 3600 },
    }),
    sub: await registerWorkload(broker.running, 'sub'),
  }
})

interface Call {
  readonly who?: Workload | undefined
  readonly body?: object
  readonly headers?: Record<string, string>
  readonly base?: string
}

/** Calls with an account's token, by default on the mTLS port with its agent's certificate. */
function call(
  method: string,
  path: string,
  token: string,
  { who, body, headers = {}, base = broker.running.config.mtlsUrl }: Call,
): Promise<Answer> {
  return broker.https.send(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
    certificate: who?.certificate,
  })
}

const open = async (who: Workload, task_id: string) => {
  const { account_id } = (await ask.own(who, { task_id })).body
  return { id: account_id as string, token: tokenOf(await ask.accountToken(who, { account_id })) }
}

describe('an account token', () => {
  test('shows the account that it lives in', async () => {
    const { root } = agents
    const { id, token } = await open(root, 'shown')
    expect(decodeJwt(token)).toMatchObject({ aud: broker.running.issuer, scope: 'account', account_id: id, replay: 'pop' })
    const { status, body } = await call('GET', '/account', token, { who: root })
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        id,
        root: id,
        parent: null,
        state: 'active',
        task_id: 'shown',
        agent: root.clientId,
        depth: 0,
        max_depth: 4,
      }),
    ])
  })

  test('can be the first thing that an agent asks for, whatever its ceiling', async () => {
    const answer = await ask.accountToken(agents.root, { task_id: 'first-thing' })
    expect(answer.body).toMatchObject({ scope: 'account', claim_uri: expect.any(String) })
    for (const scope of ['orders:read', 'account orders:read', undefined])
      expect((await ask.accountToken(agents.root, { task_id: 'first-thing', scope })).body.error).toBe('invalid_scope')
  })

  test('is worth nothing with another key, without one, with a scheme that binds nothing, or for another resource', async () => {
    const { root, sub } = agents
    const { id, token } = await open(root, 'keys')
    for (const who of [sub, undefined]) expect((await call('GET', '/account', token, { who })).status).toBe(401)
    expect((await call('GET', '/account', token, { who: root, headers: { authorization: `DPoP ${token}` } })).status).toBe(401)
    expect((await call('GET', '/account', token, { base: broker.running.issuer })).status).toBe(401)
    const forOrders = tokenOf(await ask.own(root, { account_id: id }))
    expect((await call('GET', '/account', forOrders, { who: root })).status).toBe(401)
    const delegation = tokenOf(await ask.delegate(root, sub, { account_id: id, scope: 'orders:read' }))
    for (const who of [root, sub]) expect((await call('GET', '/account', delegation, { who })).status).toBe(401)
    for (const authorization of ['', 'Bearer', 'Bearer x', `Basic ${token}`, `Bearer ${token.slice(0, -3)}AAA`]) {
      const answer = await call('GET', '/account', token, { who: root, headers: { authorization } })
      expect([answer.status, answer.body.type]).toEqual([401, 'urn:mayfly:error:invalid_token'])
      expect(answer.headers['www-authenticate']).toContain('DPoP realm')
    }
  })

  test('of another tenant is refused', async () => {
    const other = await createOtherTenant(broker.running, 'verbs')
    const { token } = await open(agents.root, 'tenants')
    expect((await call('GET', `/t/verbs/account`, token, { who: agents.root })).status).toBe(401)
    expect(other.issuer).toContain('/t/verbs')
  })
})

describe('complete', () => {
  test('ends the account and every token of it at once; its task is over', async () => {
    const { root } = agents
    const { id, token } = await open(root, 'done')
    const from = (await readLog(broker.database.admin)).length
    const { status, body } = await call('POST', '/account/complete', token, { who: root })
    expect([status, body.state]).toEqual([200, 'completed'])
    // Others' refusals are counted once a second, and may come first.
    const event = (await readLog(broker.database.admin, from)).find(({ leaf }) => leaf.type === 'account.completed')
    expect(event).toMatchObject({ body: { by: 'agent' } })
    expect((await call('GET', '/account', token, { who: root })).status).toBe(401)
    for (const named of [{ account_id: id }, { task_id: 'done' }])
      expect((await ask.own(root, named)).body.error).toBe('access_denied')
  })
})

describe('extend', () => {
  test('moves the end as far as the registration lets it, and no further', async () => {
    const { long } = agents
    const { token } = await open(long, 'longer')
    const before = (await call('GET', '/account', token, { who: long })).body
    const { status, body } = await call('POST', '/account/extend', token, { who: long, body: { ttl: 1800 } })
    expect(status).toBe(200)
    expect(Date.parse(body.expires_at)).toBeGreaterThan(Date.parse(before.expires_at))
    expect(Date.parse(body.expires_at)).toBeLessThanOrEqual(Date.parse(body.extendable_to))
    const beyond = await call('POST', '/account/extend', token, { who: long, body: { ttl: 3700 } })
    expect([beyond.status, beyond.body.type]).toEqual([400, 'urn:mayfly:error:access_denied'])
    // The account goes on with the tokens that it has.
    expect((await ask.own(long, { task_id: 'longer' })).body.account_expires_in).toBeGreaterThan(1700)
  })

  test('is refused where the registration says nothing of it, and malformed bodies are', async () => {
    const { root } = agents
    const { token } = await open(root, 'not-longer')
    expect((await call('POST', '/account/extend', token, { who: root, body: { ttl: 4000 } })).status).toBe(400)
    for (const body of [{}, { ttl: '60' }, { ttl: 0 }, { ttl: 60, more: 1 }])
      expect((await call('POST', '/account/extend', token, { who: root, body })).body.type).toBe(
        'urn:mayfly:error:validation_failed',
      )
  })

  test('never takes a child beyond its parent', async () => {
    const { long, root } = agents
    const parent = await open(root, 'parent-of-long')
    const child = await ask.openChild(
      long,
      tokenOf(await ask.delegate(root, long, { account_id: parent.id, scope: 'orders:read' })),
    )
    const token = tokenOf(await ask.accountToken(long, { account_id: child.body.account_id }))
    const { body: view } = await call('GET', '/account', token, { who: long })
    const { body: above } = await call('GET', '/account', parent.token, { who: root })
    expect(Date.parse(view.extendable_to)).toBeLessThanOrEqual(Date.parse(above.expires_at))
  })

  test('never takes a child beyond the life that its parent gave it, whoever asks', async () => {
    const { long, root } = agents
    const parent = await open(root, 'parent-of-brief')
    const delegation = await ask.delegate(root, long, { account_id: parent.id, scope: 'orders:read', account_ttl: '60' })
    const child = (await ask.openChild(long, tokenOf(delegation))).body.account_id
    const token = tokenOf(await ask.accountToken(long, { account_id: child }))
    const refused = await call('POST', '/account/extend', token, { who: long, body: { ttl: 600 } })
    expect([refused.status, refused.body.type]).toEqual([400, 'urn:mayfly:error:access_denied'])
    const { body: view } = await call('GET', '/account', token, { who: long })
    expect(view.extendable_to).toBe(view.expires_at)
    const byOperator = await broker.running.v1('POST', `/v1/accounts/${child}/extend`, { ttl: 600 })
    expect([byOperator.status, byOperator.body.errors?.[0]?.pointer], byOperator.text).toEqual([400, '/ttl'])
  })
})

describe('children', () => {
  const family = async (task_id: string) => {
    const { root, sub, long } = agents
    const parent = await open(root, task_id)
    const child = await ask.openChild(
      sub,
      tokenOf(await ask.delegate(root, sub, { account_id: parent.id, scope: 'orders:read' })),
    )
    const below = await ask.delegate(sub, long, { account_id: child.body.account_id, scope: 'orders:read' })
    return {
      parent,
      child: child.body.account_id as string,
      grandchild: (await ask.openChild(long, tokenOf(below))).body.account_id as string,
    }
  }

  test('are listed page by page, to their parent only', async () => {
    const { root, sub } = agents
    const { parent, child } = await family('listed')
    const token = tokenOf(await ask.delegate(root, sub, { account_id: parent.id, scope: 'orders:read' }))
    const second = (await ask.openChild(sub, token)).body.account_id
    const first = await call('GET', '/account/children?limit=1', parent.token, { who: root })
    const next = await call('GET', `/account/children?limit=1&cursor=${first.body.next_cursor}`, parent.token, { who: root })
    expect(next.body).not.toHaveProperty('next_cursor')
    const items = [...first.body.items, ...next.body.items]
    expect(new Set(items.map(({ id }) => id))).toEqual(new Set([child, second]))
    expect(items[0]).toMatchObject({ agent: sub.clientId, state: 'active', depth: 1 })
    const stranger = await open(root, 'stranger')
    expect((await call('GET', '/account/children', stranger.token, { who: root })).body.items).toEqual([])
    expect((await call('GET', `/account/children?cursor=${first.body.next_cursor}`, stranger.token, { who: root })).status).toBe(
      400,
    )
  })

  test('are ended by whoever is above them, with all that is below', async () => {
    const { root, sub, long } = agents
    const { parent, child, grandchild } = await family('ended')
    const revoke = (id: string) => call('POST', `/account/children/${id}/revoke`, parent.token, { who: root })
    const { status, body } = await revoke(child)
    expect([status, body.state]).toEqual([200, 'revoked'])
    for (const [who, account_id] of [
      [sub, child],
      [long, grandchild],
    ] as const)
      expect((await ask.own(who, { account_id })).body.error).toBe('access_denied')
    // Over already is what was wanted.
    expect((await revoke(child)).status).toBe(200)
    expect((await ask.own(root, { account_id: parent.id })).status).toBe(200)
  })

  test('of others, parents and oneself are not found below', async () => {
    const { root, sub } = agents
    const { parent, child } = await family('mine')
    const token = tokenOf(await ask.accountToken(sub, { account_id: child }))
    const other = await family('others')
    for (const id of [parent.id, child, other.child, `acct_${'0'.repeat(32)}`, 'acct_x'])
      expect((await call('POST', `/account/children/${id}/revoke`, token, { who: sub })).status).toBe(404)
    expect((await ask.own(root, { account_id: parent.id })).status).toBe(200)
  })
})

describe('a claimed account whose agent was let back in', () => {
  test('is looked at by its agent, and ended by its owner only', async () => {
    const { root } = agents
    const { id } = await open(root, 'claimed')
    const { sql } = broker.running.broker.deps.database
    const accountId = id.slice(5).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    const [row] = await broker.database.admin<
      { tenant_id: string }[]
    >`select tenant_id from mayfly.account where id = ${accountId}`
    const claim = { personId: accountId, readmitted: true, reviewOn: null }
    const change = { accountId, tenantId: row!.tenant_id, transition: 'claim', generation: null, facts: {}, claim } as const
    const [claimed] = await changeAccounts({ transition: changes => transitionAccounts(sql, changes) }, [change], Date.now())
    expect(claimed!.outcome).toBe('done')
    const token = tokenOf(await ask.accountToken(root, { account_id: id }))
    expect((await call('GET', '/account', token, { who: root })).body).toMatchObject({
      state: 'claimed',
      expires_at: null,
      extendable_to: null,
    })
    for (const [path, body] of [['complete'], ['revoke'], ['extend', { ttl: 60 }]] as const) {
      const answer = await call('POST', `/account/${path}`, token, { who: root, ...(body && { body }) })
      expect([answer.status, answer.body.type]).toEqual([400, 'urn:mayfly:error:access_denied'])
    }
    expect((await ask.own(root, { account_id: id })).status).toBe(200)
  })
})
