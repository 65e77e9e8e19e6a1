// Attacks on delegation: tokens that were made for somebody else or something else, chains put together from two halves, and
// tokens that outlive what they stand on.

import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { changeAccounts } from '#core/account/change-accounts.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { encode, signAsIssuer, signHmac } from '#test/setup/forged-jwt.ts'
import { countAccounts, readLog } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { derOf, type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let agents: Record<'root' | 'sub' | 'other', Workload>
let ask: Exchanges
let serial = 0
beforeAll(async () => {
  ask = exchangesOf(broker.running)
  agents = {
    root: await registerWorkload(broker.running, 'root'),
    sub: await registerWorkload(broker.running, 'sub'),
    other: await registerWorkload(broker.running, 'other'),
  }
})

/** A root account and a token that lets `sub` open a child of it. */
async function delegation(form: Record<string, string> = {}) {
  const task_id = `task-${++serial}`
  const { account_id } = (await ask.own(agents.root, { task_id })).body
  const token = tokenOf(await ask.delegate(agents.root, agents.sub, { task_id, scope: 'orders:read', ...form }))
  return { account_id: account_id as string, task_id, token }
}

/** As expected, and nothing was opened or handed out. */
async function expectRefusal(work: () => Promise<Answer>, error = 'invalid_request', status = 400): Promise<Answer> {
  const before = await countAccounts(broker.database.admin)
  const answer = await work()
  expect([answer.status, answer.body.error]).toEqual([status, error])
  for (const member of ['access_token', 'account_id', 'task_id', 'claim_uri']) expect(answer.body).not.toHaveProperty(member)
  expect(await countAccounts(broker.database.admin)).toBe(before)
  return answer
}

describe('1: a token that was made for something else opens no account', () => {
  test('1: a task token for a resource, of the parent or of oneself', async () => {
    const { root, sub } = agents
    const { account_id } = await delegation()
    const forOrders = tokenOf(await ask.own(root, { account_id }))
    await expectRefusal(() => ask.openChild(sub, forOrders))
    const own = tokenOf(await ask.own(sub, { task_id: 'of-sub' }))
    await expectRefusal(() => ask.openChild(sub, own))
  })

  test('1: a token for the verbs of an account, which is for this issuer but names nobody who may act', async () => {
    const { account_id } = await delegation()
    const forVerbs = tokenOf(await ask.accountToken(agents.root, { account_id }))
    await expectRefusal(() => ask.openChild(agents.sub, forVerbs))
  })

  test('1: a delegation token of another tenant, and one by whoever can sign', async () => {
    const { running } = broker
    const other = await createOtherTenant(running, 'neighbour')
    const { token } = await delegation()
    const form = { ...running.form({ subject_token: token }), subject_token_type: accessTokenType }
    const there = await broker.https.send(`${running.config.mtlsUrl}/t/neighbour/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...form, actor_token: derOf(agents.sub), actor_token_type: certificateType }).toString(),
      certificate: agents.sub.certificate,
    })
    expect(there.status).toBe(401)
    expect(other.issuer).toContain('neighbour')
    const claims = decodeJwt(token)
    const forged = [
      signAsIssuer(running.idp.keys, claims, { typ: 'agent-delegation+jwt' }),
      signHmac(JSON.stringify(claims), claims, { alg: 'HS256', typ: 'agent-delegation+jwt', kid: kidOf(token) }),
      `${encode({ alg: 'none', typ: 'agent-delegation+jwt', kid: kidOf(token) })}.${encode(claims)}.`,
      `${token.split('.')[0]}.${encode({ ...claims, scope: 'orders:read orders:write' })}.${token.split('.')[2]}`,
      token.slice(0, -2),
      `${'a'.repeat(20_000)}.b.c`,
      'nonsense',
    ]
    for (const one of forged) await expectRefusal(() => ask.openChild(agents.sub, one))
  })
})

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const certificateType = 'urn:ietf:params:oauth:token-type:mtls'
const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid

describe('3: a chain is not put together from two halves', () => {
  test('3: the token of one sub-agent with the credential of another', async () => {
    const { token } = await delegation()
    for (const who of [agents.other, agents.root]) await expectRefusal(() => ask.openChild(who, token))
    expect((await ask.openChild(agents.sub, token)).status).toBe(200)
  })

  test('3: a stolen credential of the named sub-agent with the thief’s own key', async () => {
    const { running } = broker
    const { token } = await delegation()
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: accessTokenType,
      actor_token: derOf(agents.sub),
      actor_token_type: certificateType,
      resource: 'https://orders.example/api',
      scope: 'orders:read',
    }
    for (const certificate of [agents.other.certificate, undefined])
      await expectRefusal(() => running.token(form, certificate), 'invalid_client', 401)
    // A bearer agent has no key of its own to prove.
    const bearerToken = tokenOf(
      await ask.delegate(agents.root, { clientId: running.ids.bearerAgent }, { task_id: `task-${serial}` }),
    )
    const bearer = { ...form, subject_token: bearerToken, actor_token_type: jwtType }
    const actor_token = running.mint({ sub: 'bearer-workload', runId: 'child' })
    await expectRefusal(() => running.token({ ...bearer, actor_token }), 'invalid_client', 401)
    await expectRefusal(() => running.token({ ...bearer, actor_token }, agents.other.certificate), 'invalid_client', 401)
  })

  test.each([
    ['act', { act: '{"sub":"agt_1"}' }],
    ['cnf', { cnf: '{}' }],
    ['no actor token', { actor_token: undefined, actor_token_type: undefined }],
    ['no type of the actor token', { actor_token_type: undefined }],
    ['an access token as actor', { actor_token_type: accessTokenType }],
    ['an account of one’s own beside it', { account_id: `acct_${'0'.repeat(32)}` }],
    ['a further delegation at once', { may_act: `agt_${'0'.repeat(32)}` }],
  ])('3: with %s of the caller’s choice', async (_, form) => {
    const { token } = await delegation()
    await expectRefusal(() => ask.openChild(agents.sub, token, form as Record<string, string>))
  })

  test('3: the parent names nobody that does not exist, and neither depth nor quota that it has not', async () => {
    const task_id = `task-${++serial}`
    await ask.own(agents.root, { task_id })
    const nobody = { clientId: `agt_${'0'.repeat(32)}` }
    await expectRefusal(() => ask.delegate(agents.root, nobody, { task_id }))
    await expectRefusal(() => ask.delegate(agents.root, agents.sub, { task_id, max_depth: '5' }), 'access_denied')
    await expectRefusal(() => ask.own(agents.root, { task_id, may_act: agents.sub.clientId }))
    const flat = await registerWorkload(broker.running, 'flat', { settings: { max_depth: 0 } })
    await ask.own(flat, { task_id })
    await expectRefusal(() => ask.delegate(flat, agents.sub, { task_id }), 'access_denied')
  })

  test('3: every refusal of a verified agent stands in the log', async () => {
    const { token } = await delegation()
    const from = (await readLog(broker.database.admin)).length
    await ask.openChild(agents.other, token)
    // What else the deployment does meanwhile stands between.
    const denied = (await readLog(broker.database.admin, from)).filter(({ leaf }) => leaf.type === 'token.denied')
    expect(denied.map(({ body }) => body.reason)).toEqual(['other_delegate'])
  })
})

const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

describe('4: nobody becomes somebody else by exchange', () => {
  test('4: an operator’s token is no subject and no actor, and a delegation token is no credential under /v1', async () => {
    const { running } = broker
    const { token } = await delegation()
    await expectRefusal(() => ask.openChild(agents.sub, running.operatorToken))
    await expectRefusal(() => ask.openChild(agents.sub, token, { actor_token: running.operatorToken, actor_token_type: jwtType }))
    expect((await running.v1('GET', '/v1/agents', undefined, token)).status).toBe(401)
  })

  test('4: what the sub-agent gets acts for the parent and never as it', async () => {
    const { token, account_id } = await delegation()
    const claims = decodeJwt(tokenOf(await ask.openChild(agents.sub, token)))
    expect(claims).toMatchObject({ sub: account_id, client_id: agents.sub.clientId, act: { sub: agents.sub.clientId } })
    expect(claims['account_id']).not.toBe(account_id)
    await expectRefusal(() => ask.own(agents.sub, { account_id }), 'access_denied')
  })
})

describe('33: what descends from an account ends with it, in whichever way it ends', () => {
  const uuidOf = (id: string): string => id.slice(5).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const end = async (id: string, how: 'complete' | 'revoke' | 'claim' | 'expire') => {
    const { database } = broker
    const accountId = uuidOf(id)
    const [row] = await database.admin<{ tenant_id: string }[]>`select tenant_id from mayfly.account where id = ${accountId}`
    if (how === 'expire')
      await database.admin`update mayfly.account set deadline = clock_timestamp() - interval '1 millisecond' where id = ${accountId}`
    if (how === 'expire') return
    const { sql } = broker.running.broker.deps.database
    const claim = how === 'claim' ? { claim: { personId: accountId, readmitted: true, reviewOn: null } } : {}
    const change = { accountId, tenantId: row!.tenant_id, transition: how, generation: null, facts: {}, ...claim }
    const [answer] = await changeAccounts({ transition: changes => transitionAccounts(sql, changes) }, [change], Date.now())
    expect(answer!.outcome).toBe('done')
  }

  test.each(['complete', 'revoke', 'claim', 'expire'] as const)('33: root %s: no child, no grandchild, no new one', async how => {
    const { root, sub, other } = agents
    const { account_id, token } = await delegation()
    const child = (await ask.openChild(sub, token)).body.account_id
    const forOther = tokenOf(await ask.delegate(sub, other, { account_id: child, scope: 'orders:read' }))
    const grandchild = (await ask.openChild(other, forOther)).body.account_id
    const unused = tokenOf(await ask.delegate(root, sub, { account_id, scope: 'orders:read' }))
    const unusedBelow = tokenOf(await ask.delegate(sub, other, { account_id: child, scope: 'orders:read' }))
    const verbs = tokenOf(await ask.accountToken(other, { account_id: grandchild }))
    const callVerb = () =>
      broker.https.send(`${broker.running.config.mtlsUrl}/account`, {
        headers: { authorization: `Bearer ${verbs}` },
        certificate: other.certificate,
      })
    expect((await callVerb()).status).toBe(200)

    await end(account_id, how)
    await expectRefusal(() => ask.own(sub, { account_id: child }), 'access_denied')
    await expectRefusal(() => ask.own(other, { account_id: grandchild }), 'access_denied')
    await expectRefusal(() => ask.openChild(sub, unused), 'access_denied')
    await expectRefusal(() => ask.openChild(other, unusedBelow), 'access_denied')
    await expectRefusal(() => ask.delegate(sub, other, { account_id: child, scope: 'orders:read' }), 'access_denied')
    await expectRefusal(() => ask.delegate(other, sub, { account_id: grandchild, scope: 'orders:read' }), 'access_denied')
    expect((await callVerb()).status).toBe(401)
  })

  test('33: an account that its agent was let back into has no children either', async () => {
    const { account_id } = await delegation()
    await end(account_id, 'claim')
    expect((await ask.own(agents.root, { account_id })).status).toBe(200)
    await expectRefusal(() => ask.delegate(agents.root, agents.sub, { account_id, scope: 'orders:read' }), 'access_denied')
  })

  test('33: a delegation token that has expired opens nothing, though its account lives', async () => {
    const { account_id } = await delegation()
    const token = tokenOf(await ask.delegate(agents.root, agents.sub, { account_id, scope: 'orders:read', ttl: '1' }))
    const { exp } = decodeJwt(token)
    await expect.poll(() => Date.now() / 1000 > exp! + 0.2, { timeout: 5_000, interval: 50 }).toBe(true)
    await expectRefusal(() => ask.openChild(agents.sub, token))
  })
})
