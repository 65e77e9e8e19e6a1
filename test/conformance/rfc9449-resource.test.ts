// RFC 9449, DPoP, at a guarded resource: what the broker bound to a key is good for with that key alone. By hand, with openid-client as
// it is, and with our client.

import { createHash } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { fetch as undiciFetch } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { freePort } from '#test/setup/free-port.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createMayflyClient, type MayflyClient } from '../../packages/client/src/index.ts'
import { mayfly } from '../../packages/guard/src/adapters/fastify.ts'
import { DpopAgent } from './dpop-agent.ts'

const broker = useBroker()
const agent = new DpopAgent(broker)
const thief = new DpopAgent(broker)

describe('a guarded resource', () => {
  let app: FastifyInstance
  let url: string
  let details: string
  beforeAll(async () => {
    url = `https://localhost:${await freePort()}/api`
    details = JSON.stringify([{ type: 'agent_http', locations: [url], methods: ['GET'], uri_template: '/orders/{id}' }])
    await registerResource(url, JSON.parse(details))
    app = await startApi(url)
  })
  afterAll(() => app?.close())
  const read = (token: string, proof: string | undefined, scheme = 'DPoP') =>
    broker.https.send(`${url}/orders/42`, {
      headers: { authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { dpop: proof }) },
    })
  const proofFor = (token: string, change: Record<string, unknown> = {}, by = agent) => {
    const ath = createHash('sha256').update(token).digest('base64url')
    return by.proof({ htm: 'GET', htu: `${url}/orders/42`, ath, ...change })
  }
  const newToken = async (): Promise<string> => {
    const form = {
      subject_token: await agent.subjectToken({ run_id: 'here' }),
      resource: url,
      authorization_details: details,
      scope: 'orders:read',
    }
    return (await agent.ask(await agent.goodProof(), form)).body.access_token
  }
  async function nonceOf(token: string): Promise<unknown> {
    return (await read(token, proofFor(token))).headers['dpop-nonce']
  }

  test('lets the token in with its proof, after asking for its own nonce (§§ 7, 9)', async () => {
    const token = await newToken()
    const first = await read(token, proofFor(token))
    expect([first.status, first.body.error]).toEqual([401, 'use_dpop_nonce'])
    expect(first.headers['www-authenticate']).toMatch(/^DPoP .*error="use_dpop_nonce".*algs="ES256 /)
    const proof = proofFor(token, { nonce: first.headers['dpop-nonce'] })
    expect((await read(token, proof)).status).toBe(200)
    expect([(await read(token, proof)).status, (await read(token, proof)).body.error]).toEqual([401, 'invalid_dpop_proof'])
  })

  test('refuses it as Bearer, without proof, with the thief’s, and with a proof for another token (§§ 7.1, 7.2)', async () => {
    const token = await newToken()
    const nonce = await nonceOf(token)
    const refused = [
      await read(token, undefined),
      await read(token, undefined, 'Bearer'),
      await read(token, proofFor(token, { nonce }), 'Bearer'),
      await read(token, proofFor(token, { nonce }, thief)),
      await read(token, proofFor(await newToken(), { nonce })),
      await read(token, proofFor(token, { nonce, htu: `${url}/orders/43` })),
    ]
    expect(refused.map(({ status }) => status)).toEqual(Array(6).fill(401))
    expect(refused[1]?.body.error).toBe('invalid_token')
    expect((await read(token, proofFor(token, { nonce }))).status).toBe(200)
  })

  test('refuses a certificate-bound token as DPoP, whatever the proof', async () => {
    const { running } = broker
    const form = running.form({ resource: url, authorization_details: details })
    const { body } = await running.token(form, running.certificate)
    const nonce = await nonceOf(body.access_token)
    const answer = await read(body.access_token, proofFor(body.access_token, { nonce }))
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token'])
  })

  test('openid-client gets a token and uses it, as it is', async () => {
    const { running } = broker
    const fetchIt = ((to: string, options: object) =>
      undiciFetch(to, { ...options, dispatcher: broker.https.dispatcher() } as never)) as unknown as client.CustomFetch
    const options = { algorithm: 'oauth2' as const, [client.customFetch]: fetchIt }
    const config = await client.discovery(new URL(running.issuer), running.ids.bearerAgent, {}, client.None(), options)
    config[client.customFetch] = fetchIt
    for (const alg of ['ES256', 'Ed25519', 'PS256']) {
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg))
      const parameters = {
        subject_token: running.mint({ sub: 'bearer-workload', runId: `dpop-${alg}` }),
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        resource: url,
        authorization_details: details,
        scope: 'orders:read',
      }
      const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
      const tokens = await client.genericGrantRequest(config, grant, parameters, { DPoP })
      expect(tokens.token_type).toBe('dpop')
      const target = new URL(`${url}/orders/42`)
      const get = () => client.fetchProtectedResource(config, tokens.access_token, target, 'GET', undefined, undefined, { DPoP })
      expect((await get()).status).toBe(200)
    }
  })

  describe('@mayfly/client', () => {
    const open: MayflyClient[] = []
    afterAll(() => Promise.all(open.map(one => one.close())))
    const newClient = (options: object = {}): MayflyClient => {
      const { running } = broker
      const one = createMayflyClient({
        issuer: running.issuer,
        ca: running.ca.certificatePem,
        dpop: { privateKey: agent.signer.privateKey },
        subjectToken: () => agent.subjectToken({ run_id: 'client' }),
        ...options,
      })
      open.push(one)
      return one
    }
    const asked = () => ({ resource: url, scope: 'orders:read', authorizationDetails: JSON.parse(details) })

    test('gets a token by its own key, on both ports, and renews in the account', async () => {
      const { running } = broker
      const { chainPem: cert, keyPem: key } = running.certificate
      for (const [i, one] of [newClient(), newClient({ certificate: { cert, key } })].entries()) {
        const token = one.taskToken({ ...asked(), taskId: `dpop-client-${i}` }, { reuse: false })
        const [first, second] = [await token.get(), await token.get()]
        expect(first.tokenType).toBe('DPoP')
        expect(decodeJwt(first.accessToken)['cnf']).toEqual({ jkt: await agent.jkt() })
        expect(second.accountId).toBe(first.accountId)
      }
    })

    test('opens one account where the first request is sent back for a nonce', async () => {
      const opened = async () =>
        (await readLog(broker.database.admin)).filter(({ leaf }) => leaf.type === 'account.opened').length
      const before = await opened()
      await newClient()
        .taskToken({ ...asked(), taskId: 'dpop-once' })
        .get()
      expect(await opened()).toBe(before + 1)
    })

    test('calls a guarded resource again and again with one token, once its nonce is known', async () => {
      const one = newClient()
      const before = handled
      for (let i = 0; i < 3; i++)
        expect((await one.fetch(`${url}/orders/${i}`, undefined, { ...asked(), taskId: 'dpop-fetch' })).status).toBe(200)
      expect(handled).toBe(before + 3)
      const elsewhere = await one.fetch(`${url}/orders/1/lines`, undefined, { ...asked(), taskId: 'dpop-fetch' })
      expect(elsewhere.status).toBe(403)
    })

    test('with a key of its own gets nothing for a workload token that is bound to another', async () => {
      const refused = newClient({ dpop: true })
        .taskToken({ ...asked(), taskId: 'dpop-thief' })
        .get()
      await expect(refused).rejects.toMatchObject({ error: 'invalid_client', status: 401 })
    })
  })
})

let handled = 0

/** A guarded API that listens where its URI says. */
async function startApi(uri: string): Promise<FastifyInstance> {
  const { running } = broker
  const own = await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() })
  const app = Fastify({ https: { cert: own.chainPem, key: own.keyPem } }) as unknown as FastifyInstance
  const tls = { ca: running.ca.certificatePem }
  await app.register(mayfly, { issuer: running.issuer, resource: uri, tls, revocation: { mode: 'none' }, dpop: { nonces: true } })
  app.get('/api/orders/:id', async () => ({ handled: ++handled }))
  app.get('/api/orders/:id/lines', async () => ({ handled: ++handled }))
  await app.listen({ host: '127.0.0.1', port: Number(new URL(uri).port) })
  return app
}

/** Registers it, and widens both agents' ceilings to it. */
async function registerResource(uri: string, details: object[]): Promise<void> {
  const { running } = broker
  const { body } = await running.v1('GET', `/v1/resources/${running.ids.resource}`)
  const { scopes, details_types, enforces, proof } = body
  const made = await running.v1('POST', '/v1/resources', { uri, name: 'Here', scopes, details_types, enforces, proof })
  expect(made.status).toBe(201)
  for (const id of [running.ids.agent, running.ids.bearerAgent]) {
    const changed = await changeRegistration(running, `/v1/agents/${id}`, ({ ceiling }) => ({
      ceiling: { ...ceiling, authorization_details: [...ceiling.authorization_details, ...details] },
    }))
    expect(changed.status).toBe(200)
  }
}
