import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { createSigner } from 'fast-jwt'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { generateIdpKeys, type IdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import { createDevCa, issueClientCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { runClosedLoop } from '../load/closed-loop.ts'
import { judge } from '../load/judge.ts'
import { type BrokerRow, type BrokerTrafficOptions, createTraffic } from './traffic.ts'

const issuer = 'https://broker.example.test'
const resource = 'https://orders.example.test'
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const seen: { task: string; subject: string }[] = []
let wrongTask = false
let keys: IdpKeys
let server: Server
let options: BrokerTrafficOptions

/** A stand-in for the broker that answers as RFC 8693 says, so that what the bench sends and demands is itself tested. */
async function listen(tls: { cert: string; key: string; ca: string }): Promise<number> {
  const sign = createSigner({ key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), algorithm: 'ES256' })
  server = createServer({ ...tls, requestCert: true }, async (request, response) => {
    const form = new URLSearchParams(await text(request))
    const task = form.get('task_id')!
    const subject = form.get('subject_token')!
    seen.push({ task, subject })
    const now = Math.floor(Date.now() / 1000)
    const x5t = createHash('sha256')
      .update((request.socket as TLSSocket).getPeerCertificate().raw)
      .digest('base64url')
    const access_token = sign({
      iss: issuer,
      aud: form.get('resource'),
      scope: form.get('scope'),
      task_id: wrongTask ? 'another' : task,
      cnf: { 'x5t#S256': x5t },
      jti: `at_${seen.length}`,
      iat: now,
      exp: now + 300,
    })
    const issued_token_type = 'urn:ietf:params:oauth:token-type:access_token'
    response.end(JSON.stringify({ access_token, issued_token_type, token_type: 'Bearer', expires_in: 300 }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  const now = new Date()
  const ca = await createDevCa({ now })
  const own = await issueServerCertificate(ca, { hosts: ['localhost'], now })
  const agent = await issueClientCertificate(ca, { now, uris: ['spiffe://example.test/agent/bench'] })
  const port = await listen({ cert: own.chainPem, key: own.keyPem, ca: ca.certificatePem })
  keys = await generateIdpKeys()
  options = {
    row: 'warm',
    target: {
      host: '127.0.0.1',
      port,
      tls: { ca: ca.certificatePem, servername: 'localhost', cert: agent.chainPem, key: agent.keyPem },
    },
    tokenPath: '/token',
    issuer,
    jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), alg: 'ES256' }] } as BrokerTrafficOptions['jwks'],
    subject: { issuer: 'https://idp.example.test', keys, sub: 'repo:example/bench', audience: issuer },
    resource,
    scope: 'orders:read',
    accounts: 20,
    runName: 'run',
  }
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  seen.length = 0
  wrongTask = false
})

async function drive(row: BrokerRow) {
  const traffic = await createTraffic({ ...options, row })
  await traffic.prepare?.(0, 400)
  const opened = seen.length
  const plan = { kind: 'closed', connections: 4, seconds: 20, warmupSeconds: 0, maxRequests: 200 } as const
  const collected = await runClosedLoop(traffic, plan, 0)
  const verdict = await judge(traffic, collected.answers, new Set(), Math.floor(Date.now() / 1000))
  return { opened, verdict, asked: seen.slice(opened) }
}

describe('the traffic for the broker', () => {
  it('warm opens its accounts beforehand, then comes back to each equally often with the same subject token', async () => {
    const { opened, asked, verdict } = await drive('warm')
    expect(opened).toBe(20)
    expect(verdict).toMatchObject({ rejected: 0, reasons: [] })
    const counts = Object.values(Object.groupBy(asked, ({ task }) => task)).map(group => group!.length)
    expect(new Set(counts)).toEqual(new Set([10]))
    expect(new Set(seen.map(({ subject }) => subject)).size).toBe(20)
  })

  it.each(['first', 'fresh'] as const)('%s brings a subject token and a task never seen with each request', async row => {
    const { opened, asked, verdict } = await drive(row)
    expect(opened).toBe(0)
    expect(verdict).toMatchObject({ rejected: 0, reasons: [] })
    expect(new Set(asked.map(({ task }) => task)).size).toBe(200)
    expect(new Set(asked.map(({ subject }) => decodeJwt(subject).jti)).size).toBe(200)
  })

  it('sends workload tokens that verify and name the certificate', async () => {
    const { asked } = await drive('first')
    const { payload } = await jwtVerify(asked[0]!.subject, createLocalJWKSet(publicJwks(keys) as never), { audience: issuer })
    expect(payload).toMatchObject({ run_id: asked[0]!.task, cnf: { 'x5t#S256': expect.stringMatching(/^[\w-]{43}$/) } })
  })

  it('counts no token that was issued for another task', async () => {
    wrongTask = true
    const { verdict } = await drive('warm')
    expect(verdict.latenciesMs).toHaveLength(0)
    expect(verdict.reasons[0]).toContain('task_id')
  })
})
