import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { type IssuedCertificate, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const ahead = useAccountsAhead(broker)

const newCertificate = (): Promise<IssuedCertificate> =>
  issueClientCertificate(broker.running.ca, { uris: [`spiffe://test.example/holder/${randomUUID()}`], now: new Date() })
const get = (path: string, token?: string) => broker.running.v1('GET', path, undefined, token)
const post = (path: string, body?: unknown, token?: string) => broker.running.v1('POST', path, body, token)
async function operator(role: string): Promise<string> {
  const answer = await post('/v1/operators', { name: `${role} ${randomUUID()}`, role })
  return answer.body.token
}
async function opened(body: Record<string, unknown> = {}) {
  const answer = await ahead.open({ task_id: randomUUID(), ...body })
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

describe('an account that is opened ahead', () => {
  test('comes with a credential and a claim link, in the shape of RFC 7591, and stands in the log with who opened it', async () => {
    const { status, body, headers } = await ahead.open({ task_id: 'first', permissions: { scope: 'orders:read' }, ttl: 600 })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      client_id: broker.running.ids.agent,
      scope: 'orders:read',
      task_id: 'first',
      account_credential: expect.stringMatching(/^mfa_/),
      claim_uri: expect.stringContaining(`${broker.running.issuer}/claim#mfc_`),
    })
    expect(body.client_secret_expires_at - body.client_id_issued_at).toBe(600)
    expect(headers['location']).toBe(`/v1/accounts/${body.account_id}`)
    const events = await readLog(broker.database.admin)
    const event = events.find(({ leaf }) => leaf.type === 'account.opened')!
    expect(event.body).toMatchObject({ ahead: true, actor_role: 'tenant-admin' })
    expect(JSON.stringify(events)).not.toContain('first')
    expect(broker.running.logLines.join('')).not.toMatch(/mf[ac]_/)
  })

  test('is used by its holder with a key of its own, within what was granted, without any other proof', async () => {
    const { account_credential: credential, account_id } = await opened({ permissions: { scope: 'orders:read' } })
    const certificate = await newCertificate()
    const answer = await ahead.token(credential, certificate)
    expect(answer.status, answer.text).toBe(200)
    expect(decodeJwt(answer.body.access_token)).toMatchObject({
      account_id,
      sub: account_id,
      cnf: { 'x5t#S256': expect.any(String) },
    })
    expect(answer.body.claim_uri).toBeUndefined()
    const details = JSON.stringify([
      { type: 'agent_http', locations: ['https://orders.example/api'], methods: ['GET'], uri_template: '/orders/1' },
    ])
    const wider = await ahead.token(credential, certificate, { scope: '', authorization_details: details })
    expect(wider.body.error).toBe('invalid_authorization_details')
  })

  test('belongs for good to the first key that uses it: row 13, a stolen credential', async () => {
    const { account_credential: credential } = await opened()
    const [holder, thief] = [await newCertificate(), await newCertificate()]
    expect((await ahead.token(credential)).body.error).toBe('invalid_client')
    const answers = await Promise.all([holder, thief].map(certificate => ahead.token(credential, certificate)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401])
    const winner = answers[0]!.status === 200 ? holder : thief
    const loser = winner === holder ? thief : holder
    expect((await ahead.token(credential, winner)).status).toBe(200)
    expect((await ahead.token(credential, loser)).body.error).toBe('invalid_client')
    const bound = (await readLog(broker.database.admin)).filter(({ leaf }) => leaf.type === 'account.holder_bound')
    expect(bound.length).toBeGreaterThan(0)
  })

  test('belongs to the key that was named at its opening, and never to another, first or not', async () => {
    const [holder, thief] = [await newCertificate(), await newCertificate()]
    const thumbprint = await thumbprintOf(holder)
    const { account_credential: credential } = await opened({ key: { 'x5t#S256': thumbprint } })
    expect((await ahead.token(credential, thief)).status).toBe(400)
    expect((await ahead.token(credential, holder)).status).toBe(200)
    expect((await ahead.token(credential, thief)).status).toBe(400)
  })

  test("is no other account's and opens none", async () => {
    const one = await opened()
    const other = await opened()
    const certificate = await newCertificate()
    const wrong: Record<string, string>[] = [
      { account_id: other.account_id },
      { task_id: other.task_id },
      { task_id: 'a-new-one' },
    ]
    for (const changes of wrong) {
      const answer = await ahead.token(one.account_credential, certificate, changes)
      expect([answer.status, changes]).toEqual([400, changes])
    }
    expect((await get('/v1/accounts?task_id=a-new-one')).body.items).toEqual([])
  })

  test('takes no certificate of another agent, and no credential with a slip in it', async () => {
    const { account_credential: credential } = await opened({ agent: broker.running.ids.bearerAgent })
    expect((await ahead.token(credential, broker.running.certificate)).body.error).toBe('invalid_client')
    const slip = `${credential.slice(0, 20)}${credential[20] === 'A' ? 'B' : 'A'}${credential.slice(21)}`
    expect((await ahead.token(slip, await newCertificate())).body.error).toBe('invalid_request')
  })

  test.each([
    ['completed', 'complete'],
    ['revoked', 'revoke'],
  ])('that is %s gives its holder nothing any more, at once', async (state, verb) => {
    const { account_credential: credential, account_id } = await opened()
    const certificate = await newCertificate()
    expect((await ahead.token(credential, certificate)).status).toBe(200)
    expect((await post(`/v1/accounts/${account_id}/${verb}`)).body).toMatchObject({ state, live: false })
    expect((await ahead.token(credential, certificate)).body.error).toBe('access_denied')
    const never = await opened()
    await post(`/v1/accounts/${never.account_id}/${verb}`)
    expect((await ahead.token(never.account_credential, certificate)).body.error).toBe('access_denied')
  })
})

const thumbprintOf = async ({ certificatePem }: IssuedCertificate): Promise<string> => {
  const { X509Certificate, hash } = await import('node:crypto')
  return hash('sha256', new X509Certificate(certificatePem).raw, 'base64url')
}

describe('a request to open one', () => {
  test('that is repeated under its key gives the same account and credential, and another claim link', async () => {
    const idempotencyKey = randomUUID()
    for (const task_id of [undefined, randomUUID()]) {
      const key = `${idempotencyKey} ${task_id}`
      const answers = await Promise.all([1, 2, 3].map(() => ahead.open({ task_id }, { idempotencyKey: key })))
      const again = [...answers.filter(({ status }) => status === 201), await ahead.open({ task_id }, { idempotencyKey: key })]
      expect(answers.every(({ status, body }) => status === 201 || body.type.endsWith('idempotency_in_flight'))).toBe(true)
      expect(new Set(again.map(({ body }) => `${body.account_id} ${body.account_credential}`)).size).toBe(1)
      expect(new Set(again.map(({ body }) => body.claim_uri)).size).toBe(again.length)
      const other = await ahead.open({ task_id, ttl: 60 }, { idempotencyKey: key })
      expect([other.status, other.body.type]).toEqual([422, 'urn:mayfly:error:idempotency_mismatch'])
    }
  })

  test('for a task that has an account, or had one, is a conflict', async () => {
    const { task_id, account_id } = await opened()
    expect((await ahead.open({ task_id })).status).toBe(409)
    await post(`/v1/accounts/${account_id}/complete`)
    expect((await ahead.open({ task_id }, { idempotencyKey: randomUUID() })).status).toBe(409)
  })

  test.each([
    ['more than the agent may', { permissions: { scope: 'orders:write' } }, 400, 'invalid_scope'],
    ['nothing', { permissions: {} }, 400, 'invalid_scope'],
    ['too long a life', { ttl: 3601 }, 400, 'validation_failed'],
    ['an agent that is not there', { agent: `agt_${'0'.repeat(32)}` }, 404, 'not_found'],
    ['two keys', { key: { jkt: 'a'.repeat(43), 'x5t#S256': 'a'.repeat(43) } }, 400, 'validation_failed'],
  ])('for %s is refused', async (_, body, status, code) => {
    const answer = await ahead.open({ task_id: randomUUID(), ...body })
    expect([answer.status, answer.body.type]).toEqual([status, `urn:mayfly:error:${code}`])
  })
})

describe('accounts under /v1', () => {
  test('are listed newest first, by state, agent and task, page by page', async () => {
    const { account_id: first, task_id } = await opened({ agent: broker.running.ids.bearerAgent })
    const { account_id: second } = await opened({ agent: broker.running.ids.bearerAgent })
    await post(`/v1/accounts/${first}/revoke`)
    const ids = async (query: string) => (await get(`/v1/accounts?${query}`)).body.items.map(({ id }: { id: string }) => id)
    const agent = `agent=${broker.running.ids.bearerAgent}`
    expect(await ids(`${agent}&state=active`)).toContain(second)
    expect(await ids(`${agent}&state=active`)).not.toContain(first)
    expect(await ids(`${agent}&state=revoked`)).toEqual([first])
    expect(await ids(`${agent}&task_id=${task_id}`)).toEqual([first])
    expect(await ids(`task_id=${task_id}`)).toEqual([first])
    // Within a second ids have no order.
    const [younger, older] = await ids(agent)
    expect(await ids(agent)).toEqual((await ids(agent)).sort().reverse())
    const page = (await get(`/v1/accounts?${agent}&limit=1`)).body
    expect(page.items[0].id).toBe(younger)
    expect(await ids(`${agent}&limit=1&cursor=${page.next_cursor}`)).toEqual([older])
    expect((await get(`/v1/accounts?limit=1&cursor=${page.next_cursor}`)).status).toBe(400)
  })

  test('are extended within what their agent may, and not once they are over', async () => {
    const { account_id } = await opened({ ttl: 60 })
    const path = `/v1/accounts/${account_id}/extend`
    const extended = await post(path, { ttl: 600 })
    expect(Date.parse(extended.body.expires_at) - Date.now()).toBeGreaterThan(590_000)
    expect((await post(path, { ttl: 30 })).body.expires_at).toBe(extended.body.expires_at)
    expect((await post(path, { ttl: 86_400 })).status).toBe(400)
    await post(`/v1/accounts/${account_id}/complete`)
    expect((await post(path, { ttl: 700 })).status).toBe(409)
  })

  test('end once: asked again for the same it is so, asked for another end is a conflict', async () => {
    const { account_id } = await opened()
    const verb = (name: string) => post(`/v1/accounts/${account_id}/${name}`)
    expect((await verb('close')).status).toBe(409)
    expect([(await verb('complete')).status, (await verb('complete')).status]).toEqual([200, 200])
    expect((await verb('revoke')).body.detail).toContain('it is completed')
    const events = (await readLog(broker.database.admin)).filter(({ leaf }) => leaf.type === 'account.completed')
    expect(events.filter(({ body }) => body.by === 'operator').length).toBeGreaterThan(0)
  })

  test('are a tree of one where there are no children', async () => {
    const { account_id } = await opened()
    const { body } = await get(`/v1/accounts/${account_id}/tree`)
    expect(body).toMatchObject({ items: [{ id: account_id, depth: 0, parent: null, root: account_id }], truncated: false })
  })

  test('leave a tombstone', async () => {
    const { account_id } = await opened()
    await post(`/v1/accounts/${account_id}/complete`)
    const [row] = await broker.database.admin`select id, task_key, tenant_id from mayfly.account
      where id = ${account_id.slice(5)}::uuid`
    await broker.database.admin`delete from mayfly.account where id = ${row!['id']}`
    await broker.database
      .admin`insert into mayfly.tombstone values (${row!['task_key']}, ${row!['id']}, ${row!['tenant_id']}, now(), 'm')`
    expect((await get(`/v1/accounts/${account_id}`)).body).toMatchObject({ state: 'reaped', ended_as: 'completed' })
    expect((await post(`/v1/accounts/${account_id}/revoke`)).status).toBe(404)
  })

  test('are their own tenant’s: another one neither sees nor changes them, and finds none of its own (row 22)', async () => {
    const { account_id, task_id } = await opened()
    const other = await createOtherTenant(broker.running, `other-${randomUUID().slice(0, 8)}`)
    expect((await get('/v1/accounts', other.token)).body.items).toEqual([])
    expect((await get(`/v1/accounts?task_id=${task_id}`, other.token)).body.items).toEqual([])
    for (const path of ['', '/tree']) expect((await get(`/v1/accounts/${account_id}${path}`, other.token)).status).toBe(404)
    for (const verb of ['complete', 'revoke', 'close'])
      expect((await post(`/v1/accounts/${account_id}/${verb}`, undefined, other.token)).status).toBe(404)
    expect((await post(`/v1/accounts/${account_id}/extend`, { ttl: 600 }, other.token)).status).toBe(404)
    expect((await ahead.open({ task_id: randomUUID() }, { token: other.token })).status).toBe(404)
    expect((await get(`/v1/accounts/${account_id}`)).body.state).toBe('active')
  })

  test('are for admins, orchestrators and auditors; an orchestrator has to do with nothing else', async () => {
    const [orchestrator, auditor, approver] = [
      await operator('orchestrator'),
      await operator('auditor'),
      await operator('approver'),
    ]
    const answer = await ahead.open({ task_id: randomUUID() }, { token: orchestrator })
    expect(answer.status).toBe(201)
    const path = `/v1/accounts/${answer.body.account_id}`
    expect([(await get(path, orchestrator)).status, (await get(path, auditor)).status]).toEqual([200, 200])
    expect([(await get(path, approver)).status, (await post(`${path}/revoke`, undefined, auditor)).status]).toEqual([403, 403])
    expect((await get('/v1/agents', orchestrator)).status).toBe(403)
    expect((await post(`${path}/close`, undefined, orchestrator)).status).toBe(403)
    expect((await post(`${path}/complete`, undefined, orchestrator)).status).toBe(200)
  })
})
