// Attacks on the choice of the key that a subject token is verified with: by algorithm, by `kid`, by headers that bring one.

import { createPublicKey, randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { generateIdpKeys, getSigningJwk, publicJwks } from '#apps/idp/idp-keys.ts'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { encode, goodClaims, signAsIssuer, signHmac } from '#test/setup/forged-jwt.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { subjectTokens } from './subject-tokens.ts'

const broker = useBroker()
const keys = () => broker.running.idp.keys
const good = (changes: Record<string, unknown> = {}) => goodClaims(broker.running, changes)
const { exchange, expectRefused } = subjectTokens(broker)

describe('7: the algorithm is bound to the key', () => {
  const pem = () =>
    createPublicKey({ key: getSigningJwk(keys(), 'RS256'), format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString()
  const kid = (alg: 'ES256' | 'RS256') => getSigningJwk(keys(), alg).kid

  test.each(['none', 'None', 'NONE', 'nOnE', ''])('alg %j with and without a signature', async alg => {
    const header = encode({ alg, typ: 'JWT', kid: kid('ES256') })
    await expectRefused(`${header}.${encode(good())}.`)
    await expectRefused(`${header}.${encode(good())}.AAAA`)
  })

  test.each([
    ['as it is', (text: string) => text],
    ['with a space before it', (text: string) => ` ${text}`],
    ['with a line end before it', (text: string) => `\n${text}`],
    ['without its last line end', (text: string) => text.trim()],
    ['as base64 only', (text: string) => text.replace(/-----[A-Z ]+-----|\n/g, '')],
  ])('HS256 with the public key %s', async (_what, change) => {
    for (const name of ['RS256', 'ES256'] as const)
      await expectRefused(signHmac(change(pem()), good(), { alg: 'HS256', typ: 'JWT', kid: kid(name) }))
  })

  test('another algorithm than the key is for', async () => {
    await expectRefused(signAsIssuer(keys(), good(), { alg: 'ES256' }, 'RS256'))
    await expectRefused(signAsIssuer(keys(), good(), { alg: 'RS256', kid: kid('ES256') }))
    await expectRefused(signAsIssuer(keys(), good(), { alg: 'PS256' }, 'RS256'))
    await expectRefused(signAsIssuer(keys(), good(), { alg: 'ES384' }))
    await expectRefused(signAsIssuer(keys(), good(), { alg: 'es256' }))
    await expectRefused(signAsIssuer(keys(), good(), { kid: undefined, alg: 'RS256' }))
  })

  test('both algorithms of the registration are taken', async () => {
    for (const alg of ['ES256', 'RS256'] as const)
      expect((await exchange(signAsIssuer(keys(), good(), {}, alg))).status).toBe(200)
  })

  test('critical extensions and unencoded payloads', async () => {
    for (const header of [
      { crit: ['exp'] },
      { crit: [] },
      { b64: false },
      { b64: false, crit: ['b64'] },
      { zip: 'DEF' },
      { enc: 'A128GCM' },
    ])
      await expectRefused(signAsIssuer(keys(), good(), header))
  })
})

test('9: a kid that is a path, SQL or a URL finds nothing and causes no request', async () => {
  const { running } = broker
  await exchange(signAsIssuer(keys(), good()))
  await exchange(signAsIssuer(keys(), good(), { kid: 'first-unknown' }))
  const asked = running.idp.requests.length
  for (const kid of [
    '../../../../etc/passwd',
    '/dev/null',
    "' or 1=1 --",
    "x'; drop table mayfly.account; --",
    `${running.idp.issuer}/evil`,
    'file:///etc/passwd',
    '__proto__',
    'constructor',
    '',
    'x'.repeat(5000),
    '\u0000',
    '\r\nforged',
  ])
    await expectRefused(signAsIssuer(keys(), good(), { kid }))
  for (const kid of [7, null, {}, []]) await expectRefused(signAsIssuer(keys(), good(), { kid }))
  expect(running.idp.requests.slice(asked)).toEqual([])
})

describe('10: keys come from the registration only', () => {
  const servers: Server[] = []
  afterEach(async () => {
    await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
  })

  /** An https server of the attacker's; `asked` are the paths it was asked for. */
  async function listen(answer: (path: string) => { location?: string; body?: unknown }) {
    const { running } = broker
    const tls = await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() })
    const asked: string[] = []
    const server = createServer({ cert: tls.chainPem, key: tls.keyPem, keepAlive: false }, (request, response) => {
      asked.push(request.url!)
      const { location, body } = answer(request.url!)
      response.shouldKeepAlive = false
      if (location) response.writeHead(302, { location }).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `https://localhost:${(server.address() as AddressInfo).port}`, asked }
  }

  test('jku, x5u, jwk and x5c in a header are not followed and choose no key', async () => {
    const thief = await generateIdpKeys()
    const { url, asked } = await listen(() => ({ body: publicJwks(thief) }))
    const jwk = publicJwks(thief).keys[0]
    const headers = [{ jku: `${url}/jwks` }, { x5u: `${url}/x5u` }, { jwk }, { x5c: ['MIIB'] }, { jku: `${url}/jwks`, jwk }]
    for (const header of headers) {
      await expectRefused(signAsIssuer(thief, good(), header))
      await expectRefused(signAsIssuer(thief, good(), { ...header, kid: getSigningJwk(keys(), 'ES256').kid }))
    }
    // Beside a good signature they are ignored.
    expect((await exchange(signAsIssuer(keys(), good(), { jku: `${url}/jwks` }))).status).toBe(200)
    expect(asked).toEqual([])
  })

  test('a redirect on the way to the keys is not followed', async () => {
    const { running } = broker
    const target = await listen(() => ({ body: publicJwks(keys()) }))
    const redirecting = await listen(() => ({ location: `${target.url}/jwks` }))
    const source = await running.v1('POST', '/v1/trust-sources', {
      kind: 'openid',
      name: randomUUID(),
      issuer: redirecting.url,
      audience: 'redirected',
      jwks_uri: `${redirecting.url}/jwks`,
      ca_pem: running.ca.certificatePem,
    })
    const rule = { trust_source: source.body.id, claims: { sub: 'workload' } }
    const changed = await changeRegistration(running, `/v1/agents/${running.ids.agent}`, ({ rules }) => ({
      rules: [...rules, rule],
    }))
    expect(changed.status).toBe(200)
    const answer = await exchange(signAsIssuer(keys(), good({ iss: redirecting.url, aud: 'redirected' })))
    expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(redirecting.asked).toEqual(['/jwks'])
    expect(target.asked).toEqual([])
  })

  test('file:, http: and data: are not even registered', async () => {
    for (const jwks_uri of ['file:///etc/passwd', 'http://localhost/jwks', 'data:application/json,{}']) {
      const source = { kind: 'openid', name: randomUUID(), issuer: 'https://x.example', audience: randomUUID(), jwks_uri }
      expect((await broker.running.v1('POST', '/v1/trust-sources', source)).status).toBe(400)
    }
  })
})
