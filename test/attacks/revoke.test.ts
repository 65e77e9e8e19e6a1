// Revoking as a weapon, and what was revoked used as if it were not. Two brokers serve one database: the second is an old process
// that remembers everything as it was.

import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { type IssuedCertificate, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { parseId } from '#core/ids/id.ts'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { freePort } from '#test/setup/free-port.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { onceResourceUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const { introspect } = useAccountsAhead(broker)
let victim: Workload
let thief: Workload
let ask: Exchanges
/** Another process of the same deployment. */
let old: { readonly broker: Broker; readonly url: string }
beforeAll(async () => {
  const { running } = broker
  ask = exchangesOf(running)
  victim = await registerWorkload(running, 'victim', {
    ceiling: {
      scope: 'orders:read',
      authorization_details: [{ type: 'agent_http', locations: [onceResourceUri], methods: ['POST'], uri_template: '/payments' }],
    },
  })
  thief = await registerWorkload(running, 'thief')
  const [port, mtlsPort] = [await freePort(), await freePort()]
  const config = { ...running.config, port, mtlsPort }
  old = {
    broker: await startBroker(
      config,
      createLogger('broker', 'silent' as never, () => {}),
    ),
    url: `https://localhost:${port}`,
  }
})
afterAll(() => old.broker.close())

interface Sent {
  readonly certificate?: IssuedCertificate | undefined
  readonly authorization?: string
  readonly issuer?: string
}
const revokeAt = (form: Record<string, string>, { certificate, authorization, issuer }: Sent = {}) => {
  const { config } = broker.running
  const at = certificate ? config.mtlsUrl : config.publicUrl
  const url = issuer === undefined ? `${at}/revoke` : `${issuer.replace(config.publicUrl, at)}/revoke`
  const headers = { ...formHeaders, ...(authorization !== undefined && { authorization }) }
  return broker.https.send(url, { method: 'POST', headers, body: formBody(form), certificate })
}
const victimsToken = async (): Promise<string> => tokenOf(await ask.own(victim, { task_id: randomUUID() }))
const isActive = async (token: string): Promise<boolean> => (await introspect(token)).body.active
const isActiveAtOld = async (token: string): Promise<boolean> => {
  const authorization = `Bearer ${broker.running.resourceSecrets.pop}`
  const sent = { method: 'POST', headers: { ...formHeaders, authorization }, body: formBody({ token }) }
  return (await broker.https.send(`${old.url}/introspect`, sent)).body.active
}
const operate = (body: unknown) => broker.running.v1('POST', '/v1/revocations', body)

describe('18: taking away what is another’s at /revoke', () => {
  test('is refused to another agent, by whichever credential, and leaves the token as it was', async () => {
    const token = await victimsToken()
    const { running } = broker
    const own = await revokeAt({ token }, thief)
    expect([own.status, own.body.error]).toEqual([400, 'invalid_request'])
    const named = await revokeAt({ token, client_id: victim.clientId }, thief)
    expect([named.status, named.body.error]).toEqual([401, 'invalid_client'])
    for (const form of [{ token }, { token, client_id: victim.clientId }] as Record<string, string>[]) {
      const { status, body } = await revokeAt(form)
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    }
    const stranger = await issueClientCertificate(running.ca, { uris: ['spiffe://test.example/nobody'], now: new Date() })
    expect((await revokeAt({ token }, { certificate: stranger })).status).toBe(401)
    expect(await isActive(token)).toBe(true)
  })

  test('is refused to operators, auditors and resources: that is not their door', async () => {
    const token = await victimsToken()
    const { running } = broker
    const auditor = await running.v1('POST', '/v1/operators', { name: randomUUID(), role: 'auditor' })
    for (const secret of [running.operatorToken, running.platformToken, auditor.body.token, running.resourceSecrets.pop]) {
      const { status, body } = await revokeAt({ token }, { authorization: `Bearer ${secret}` })
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    }
    expect((await running.v1('POST', '/v1/revocations', { token }, auditor.body.token)).status).toBe(403)
    expect((await running.v1('POST', '/v1/revocations', { token }, running.resourceSecrets.pop)).status).toBe(403)
    expect(await isActive(token)).toBe(true)
  })

  test('does not cross the border of a tenant', async () => {
    const token = await victimsToken()
    const other = await createOtherTenant(broker.running, `t-${randomUUID().slice(0, 8)}`)
    const there = await revokeAt({ token }, { ...victim, issuer: other.issuer })
    expect([there.status, there.text]).toEqual([200, ''])
    const byAdmin = await broker.running.v1('POST', '/v1/revocations', { token }, other.token)
    expect(byAdmin.status).toBe(400)
    // An id can be written down by anybody; it is the tenant's own feed that it stands in then.
    const { jti, account_id } = decodeJwt(token) as { jti: string; account_id: string }
    expect((await broker.running.v1('POST', '/v1/revocations', { token_id: jti }, other.token)).status).toBe(201)
    expect((await broker.running.v1('POST', '/v1/revocations', { account_id }, other.token)).status).toBe(404)
    expect((await broker.running.v1('POST', '/v1/revocations', { agent_id: victim.clientId }, other.token)).status).toBe(404)
    expect(await isActive(token)).toBe(true)
    const delegation = tokenOf(await ask.delegate(victim, thief, { task_id: randomUUID(), scope: 'orders:read' }))
    const named = { token_id: decodeJwt(delegation).jti }
    expect((await broker.running.v1('POST', '/v1/revocations', named, other.token)).status).toBe(201)
    expect((await ask.openChild(thief, delegation)).status).toBe(200)
  })

  test('is not done by a token with a jti of one’s choice: what no key of ours signed says nothing', async () => {
    const [mine, theirs] = [tokenOf(await ask.own(thief, { task_id: randomUUID() })), await victimsToken()]
    const [header, , signature] = mine.split('.')
    const forged = { ...decodeJwt(mine), jti: decodeJwt(theirs).jti }
    const token = [header, Buffer.from(JSON.stringify(forged)).toString('base64url'), signature].join('.')
    expect((await revokeAt({ token }, thief)).status).toBe(200)
    expect(await isActive(theirs)).toBe(true)
  })
})

describe('19: whoever asks /revoke about tokens that it does not hold', () => {
  test('gets one answer for what never was, has ended, is another tenant’s or is revoked already', async () => {
    const revoked = await victimsToken()
    await revokeAt({ token: revoked }, victim)
    const answers = []
    for (const token of ['garbage', `${revoked.slice(0, -4)}AAAA`, revoked, broker.running.mint()]) {
      const { status, text, headers } = await revokeAt({ token }, victim)
      const { date: _, 'x-request-id': __, ...same } = headers
      answers.push(JSON.stringify([status, text, same]))
    }
    expect(new Set(answers).size).toBe(1)
  })
})

describe('18: what was revoked', () => {
  test('is no token any more, at this broker and at one that remembers it otherwise', async () => {
    const token = await victimsToken()
    expect([await isActive(token), await isActiveAtOld(token)]).toEqual([true, true])
    expect((await operate({ token })).status).toBe(201)
    expect([await isActive(token), await isActiveAtOld(token)]).toEqual([false, false])
  })

  test('cannot be used up at a once resource', async () => {
    const details = JSON.stringify([
      { type: 'agent_http', locations: [onceResourceUri], methods: ['POST'], uri_template: '/payments' },
    ])
    const asked = { task_id: randomUUID(), resource: onceResourceUri, scope: undefined, authorization_details: details }
    const { jti, nonce, exp } = decodeJwt(tokenOf(await ask.own(victim, asked))) as { jti: string; nonce: string; exp: number }
    await operate({ token_id: jti })
    const consume = () =>
      broker.https.send(`${broker.running.issuer}/consume`, {
        method: 'POST',
        headers: { authorization: `Bearer ${broker.running.resourceSecrets.once}`, 'content-type': 'application/json' },
        body: JSON.stringify({ token_id: jti, nonce, exp }),
      })
    for (const answer of [await consume(), await consume()])
      expect([answer.status, answer.body.type]).toEqual([409, 'urn:mayfly:error:token_revoked'])
  })

  test('manages no account and opens none', async () => {
    const task_id = randomUUID()
    const own = tokenOf(await ask.accountToken(victim, { task_id }))
    const delegation = tokenOf(await ask.delegate(victim, thief, { task_id, scope: 'orders:read' }))
    const look = () =>
      broker.https.send(`${broker.running.config.mtlsUrl}/account`, {
        headers: { authorization: `Bearer ${own}` },
        certificate: victim.certificate,
      })
    expect((await look()).status).toBe(200)
    for (const token of [own, delegation]) expect((await operate({ token })).status).toBe(201)
    expect((await look()).status).toBe(401)
    const child = await ask.openChild(thief, delegation)
    expect([child.status, child.body.error]).toEqual([400, 'invalid_request'])
  })

  test('opens no child behind its revocation, however close the two are', async () => {
    let [opened, refused] = [0, 0]
    for (let i = 0; i < 12; i++) {
      const delegation = tokenOf(await ask.delegate(victim, thief, { task_id: randomUUID(), scope: 'orders:read' }))
      const { jti } = decodeJwt(delegation) as { jti: string }
      const revoking = operate({ token_id: jti })
      const child = await ask.openChild(thief, delegation)
      expect((await revoking).status).toBe(201)
      const log = await readLog(broker.database.admin)
      const revokedAt = log.find(({ leaf }) => leaf.type === 'token.revoked' && leaf.token === jti)!.position
      if (child.status !== 200) {
        refused += 1
        continue
      }
      opened += 1
      const account = parseId('account', child.body.account_id)
      expect(log.find(({ leaf }) => leaf.type === 'account.opened' && leaf.account === account)!.position).toBeLessThan(revokedAt)
    }
    expect(opened + refused).toBe(12)
  })

  test('is what was there before an agent’s revocation, its children among it, and nothing that comes after', async () => {
    const agent = await registerWorkload(broker.running, `agent-${randomUUID()}`)
    const task_id = randomUUID()
    const before = tokenOf(await ask.own(agent, { task_id }))
    const delegation = tokenOf(await ask.delegate(agent, thief, { task_id, scope: 'orders:read' }))
    const child = tokenOf(await ask.openChild(thief, delegation))
    expect(await isActive(child)).toBe(true)
    expect((await operate({ agent_id: agent.clientId, suspend: false })).status).toBe(201)
    for (const token of [before, child]) expect([await isActive(token), await isActiveAtOld(token)]).toEqual([false, false])
    const after = tokenOf(await ask.own(agent, { task_id: randomUUID() }))
    expect([await isActive(after), await isActiveAtOld(after)]).toEqual([true, true])
    // The delegation was of before.
    expect((await ask.openChild(thief, delegation, { task_id: randomUUID() })).status).toBe(400)
  })

  test('is every token of the tenant, when the tenant is revoked', async () => {
    const before = await victimsToken()
    expect((await operate({ tenant: true })).status).toBe(201)
    const after = await victimsToken()
    expect([await isActive(before), await isActive(after)]).toEqual([false, true])
  })
})

describe('18: who is suspended', () => {
  const lastDenial = async () => (await readLog(broker.database.admin)).findLast(({ leaf }) => leaf.type === 'token.denied')!

  test('gets no token, by a broker that has not heard of it either; the refusal stands in the log under its own name', async () => {
    const agent = await registerWorkload(broker.running, `agent-${randomUUID()}`)
    const atOld = exchangesOf({
      issuer: broker.running.issuer,
      token: (form, certificate) =>
        broker.https.send(`https://localhost:${old.broker.deps.config.mtlsPort}/token`, {
          method: 'POST',
          headers: formHeaders,
          body: formBody(form as Record<string, string>),
          certificate,
        }),
    })
    const task_id = randomUUID()
    for (const exchanges of [ask, atOld]) tokenOf(await exchanges.own(agent, { task_id }))
    expect((await broker.running.v1('POST', `/v1/agents/${agent.clientId}/suspend`)).status).toBe(200)
    for (const exchanges of [atOld, ask]) {
      const refused = await exchanges.own(agent, { task_id })
      expect([refused.status, refused.body.error]).toEqual([400, 'access_denied'])
      expect((await lastDenial()).body.reason).toBe('agent_suspended')
    }
    expect((await broker.running.v1('POST', `/v1/agents/${agent.clientId}/reinstate`)).body.suspended_at).toBeNull()
    expect((await ask.own(agent, { task_id })).status).toBe(200)
  })

  test('vouches for nobody: neither as the source of a token, nor for the key that is presented beside it', async () => {
    const { running } = broker
    const { openid, x509 } = running.ids
    const asked = () => running.token(running.form({ task_id: randomUUID() }), running.certificate)
    expect((await asked()).status).toBe(200)
    expect((await running.v1('POST', `/v1/trust-sources/${openid}/suspend`)).status).toBe(200)
    expect([(await asked()).body.error, (await lastDenial()).body.reason]).toEqual(['access_denied', 'trust_source_suspended'])
    await running.v1('POST', `/v1/trust-sources/${openid}/reinstate`)
    expect((await asked()).status).toBe(200)
    await running.v1('POST', `/v1/trust-sources/${x509}/suspend`)
    const refused = await asked()
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
    expect((await ask.own(victim, { task_id: randomUUID() })).status).toBe(400)
    await running.v1('POST', `/v1/trust-sources/${x509}/reinstate`)
    expect((await asked()).status).toBe(200)
  })
})
