import { request } from 'node:https'
import { createLocalJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { Agent, fetch as undiciFetch } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createIdp, type Idp } from '#apps/idp/create-idp.ts'
import { developmentKidPrefix, generateIdpKeys, type IdpKeys } from '#apps/idp/idp-keys.ts'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

const redirectUri = 'https://console.example.test/callback'
const metadata = { client_id: 'console', client_secret: 'a-secret-for-tests', redirect_uris: [redirectUri] }
let idp: Idp
let keys: IdpKeys
let tls: { cert: string; key: string }
let agent: Agent
let get: typeof fetch

beforeAll(async () => {
  const now = new Date()
  const ca = await createDevCa({ now })
  const server = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  tls = { cert: server.chainPem, key: server.keyPem }
  keys = await generateIdpKeys()
  idp = createIdp({ keys, tls, production: false, clients: [metadata] })
  await idp.listen()
  agent = new Agent({ connect: { ca: ca.certificatePem } })
  get = ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher: agent })) as unknown as typeof fetch
})

afterAll(async () => {
  await agent?.close()
  await idp?.close()
})

const discover = () =>
  client.discovery(new URL(idp.issuer), metadata.client_id, metadata.client_secret, undefined, {
    [client.customFetch]: get as unknown as client.CustomFetch,
  })

const ask = (body: unknown, headers: Record<string, string> = {}) =>
  get(`${idp.issuer}/workload-token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

/** Follows redirects with a cookie jar until one leads away from the provider. */
async function browse(
  url: string,
  jar: Map<string, string>,
  init: RequestInit = {},
): Promise<{ url: string; response: Response }> {
  const response = await get(url, {
    ...init,
    redirect: 'manual',
    headers: { ...init.headers, cookie: [...jar].map(pair => pair.join('=')).join('; ') },
  })
  for (const cookie of response.headers.getSetCookie()) {
    const [name, value] = cookie.split(';')[0]!.split('=') as [string, string]
    jar.set(name, value)
  }
  const location = response.headers.get('location')
  if (!location) return { url, response }
  const next = new URL(location, url).href
  return next.startsWith(idp.issuer) ? browse(next, jar) : { url: next, response }
}

describe('discovery and keys', () => {
  it('openid-client discovers the issuer, and the metadata carry the development mark', async () => {
    const server = (await discover()).serverMetadata()
    expect(server.issuer).toBe(idp.issuer)
    expect(server['mayfly_development']).toBe(true)
  })

  it('publishes public keys only, each with the development mark', async () => {
    const { jwks_uri } = (await discover()).serverMetadata()
    const jwks = (await (await get(jwks_uri!)).json()) as { keys: Record<string, unknown>[] }
    expect(jwks.keys.map(key => key['alg']).sort()).toEqual(['ES256', 'RS256'])
    for (const key of jwks.keys) {
      expect(key).not.toHaveProperty('d')
      expect(key['kid']).toMatch(new RegExp(`^${developmentKidPrefix}`))
    }
  })

  it('answers under its own name only, so a rebound name gets nothing', async () => {
    const status = await new Promise(resolve => {
      request(`${idp.issuer}/jwks`, { headers: { host: 'attacker.test' }, rejectUnauthorized: false }, response => {
        response.resume()
        resolve(response.statusCode)
      }).end()
    })
    expect(status).toBe(421)
  })
})

describe('workload tokens', () => {
  it.each(['ES256', 'RS256'] as const)('jose verifies a %s token against the published keys', async alg => {
    const response = await ask({
      sub: 'repo:example/app:ref:refs/heads/main',
      aud: 'https://broker.example.test',
      run_id: '42',
      claims: { repository: 'example/app', iss: 'https://forged.example.test' },
      ttl_seconds: 120,
      cnf: { 'x5t#S256': 'abc' },
      alg,
    })
    const { token } = (await response.json()) as { token: string }
    const { jwks_uri } = (await discover()).serverMetadata()
    const { payload } = await jwtVerify(token, createLocalJWKSet((await (await get(jwks_uri!)).json()) as never), {
      issuer: idp.issuer,
      audience: 'https://broker.example.test',
      algorithms: [alg],
    })
    expect(payload).toMatchObject({ run_id: '42', repository: 'example/app', cnf: { 'x5t#S256': 'abc' } })
    expect(payload.exp! - payload.iat!).toBe(120)
    expect(payload.jti).toMatch(/^[0-9a-f-]{36}$/)
  })

  it.each([
    ['no subject', { aud: 'a' }],
    ['an empty audience list', { sub: 's', aud: [] }],
    ['an unknown member', { sub: 's', aud: 'a', subject: 's' }],
    ['a life that is no number', { sub: 's', aud: 'a', ttl_seconds: '60' }],
    ['an algorithm without key', { sub: 's', aud: 'a', alg: 'none' }],
    ['text that is not JSON', '{'],
  ])('refuses %s with 400', async (_what, body) => {
    const response = await ask(body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: 'invalid_request' })
  })

  it('refuses a web page and a form, so no site in the browser can take a token', async () => {
    expect((await ask({ sub: 's', aud: 'a' }, { origin: idp.issuer })).status).toBe(403)
    expect((await ask('sub=s&aud=a', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415)
  })

  it('refuses a body over 16 KiB', async () => {
    expect((await ask({ sub: 's'.repeat(20_000), aud: 'a' })).status).toBe(413)
  })
})

describe('human sign-in', () => {
  const start = async () => {
    const config = await discover()
    const verifier = client.randomPKCECodeVerifier()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email groups',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: 'st',
      nonce: 'no',
    })
    const jar = new Map<string, string>()
    return { config, verifier, jar, page: await browse(url.href, jar) }
  }
  const submit = (page: { url: string }, jar: Map<string, string>, form: string) =>
    browse(page.url, jar, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form })

  it('leads from a picked name to an ID token with its claims', async () => {
    const { config, verifier, jar, page } = await start()
    expect(await page.response.text()).toContain('Who are you today?')
    const back = await submit(page, jar, 'person=approver')
    const tokens = await client.authorizationCodeGrant(config, new URL(back.url), {
      pkceCodeVerifier: verifier,
      expectedState: 'st',
      expectedNonce: 'no',
    })
    expect(tokens.claims()).toMatchObject({ sub: 'approver', groups: ['mayfly-approvers'], email: 'approver@idp.invalid' })
  })

  it('shows no script and lets the form lead only to itself and the client', async () => {
    const { page } = await start()
    const policy = page.response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain(`form-action 'self' ${new URL(redirectUri).origin};`)
    expect(await page.response.text()).not.toContain('<script')
  })

  it('refuses a name that could carry markup, and stays on the page', async () => {
    const { jar, page } = await start()
    const again = await submit(page, jar, `person=${encodeURIComponent('<b>x')}`)
    expect(again.response.status).toBe(400)
    expect(await again.response.text()).not.toContain('<b>')
  })

  it('takes a cancelled sign-in back to the client as access_denied', async () => {
    const { jar, page } = await start()
    expect(new URL((await submit(page, jar, 'cancel=1')).url).searchParams.get('error')).toBe('access_denied')
  })

  it('refuses an interaction without the cookie of the browser that began it', async () => {
    const { page } = await start()
    expect((await submit(page, new Map(), 'person=approver')).response.status).toBe(400)
  })
})

describe('the command line', () => {
  const cli = () =>
    client.discovery(new URL(idp.issuer), 'mayfly-cli', undefined, client.None(), {
      [client.customFetch]: get as unknown as client.CustomFetch,
    })
  const submit = (url: string, jar: Map<string, string>, form: Record<string, string>) =>
    browse(url, jar, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    })
  const authorize = async (redirect: string, changes: Record<string, string> = {}) => {
    const config = await cli()
    const verifier = client.randomPKCECodeVerifier()
    const challenge = { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }
    const scope = 'openid profile email groups'
    const url = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope, nonce: 'n', ...challenge, ...changes })
    const jar = new Map<string, string>()
    return { config, verifier, jar, page: await browse(url.href, jar) }
  }

  it.each(['http://127.0.0.1:49152/callback', 'http://127.0.0.1:50001/callback', 'http://[::1]:50001/callback'])(
    'signs in without a secret and comes back to %s',
    async redirect => {
      const { config, verifier, jar, page } = await authorize(redirect)
      const back = await submit(page.url, jar, { person: 'operator' })
      const checks = { pkceCodeVerifier: verifier, expectedNonce: 'n' }
      const tokens = await client.authorizationCodeGrant(config, new URL(back.url), checks)
      expect(tokens.claims()).toMatchObject({ aud: 'mayfly-cli', sub: 'operator', groups: ['mayfly-admins'], nonce: 'n' })
    },
  )

  it.each([
    'https://127.0.0.1:1/callback',
    'http://127.0.0.1:1/other',
    'http://127.0.0.1.evil.test/callback',
    'http://evil.test/callback',
  ])('is never sent back to %s', async redirect => {
    const { page } = await authorize(redirect)
    expect(page.response.status).toBe(400)
  })

  it('does nothing without PKCE, or with a plain challenge', async () => {
    const both: Record<string, string>[] = [{ code_challenge: '' }, { code_challenge_method: 'plain' }]
    for (const changes of both) {
      const { page } = await authorize('http://127.0.0.1:1/callback', changes)
      expect(new URL(page.url).searchParams.get('error') ?? page.response.status).not.toBe(200)
    }
  })

  it('signs in with a code on another device, which says what it is before it is let in', async () => {
    const config = await cli()
    const begun = await client.initiateDeviceAuthorization(config, { scope: 'openid profile email groups' })
    const jar = new Map<string, string>()
    let shown = await (await browse(begun.verification_uri, jar)).response.text()
    /** Every page has a token of its own against forged forms. */
    const send = async (form: Record<string, string>) => {
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(shown)![1]!
      const answer = await submit(begun.verification_uri, jar, { xsrf, ...form })
      shown = await answer.response.text()
      return answer
    }
    await send({ user_code: 'WRNG-CODE' })
    expect(shown).toContain('not one that waits')
    await send({ user_code: begun.user_code })
    expect(shown).toContain(begun.user_code)
    const page = await send({ user_code: begun.user_code, confirm: 'yes' })
    expect(shown).toContain('Who are you today?')
    const done = await submit(page.url, jar, { person: 'auditor' })
    expect(await done.response.text()).toContain('goes on by itself')
    const tokens = await client.pollDeviceAuthorizationGrant(config, { ...begun, interval: 0.01 })
    expect(tokens.claims()).toMatchObject({ aud: 'mayfly-cli', sub: 'auditor', groups: ['mayfly-auditors'] })
  })
})

describe('where it may run', () => {
  it.each([
    ['in production mode', { production: true }, /production mode/],
    ['on an address that others reach', { production: false, host: '0.0.0.0' }, /loopback only/],
    ['on a name that is not loopback', { production: false, host: 'idp' }, /loopback only/],
    ['in production mode, container network or not', { production: true, allowContainerNetwork: true }, /production mode/],
  ])('refuses to start %s', async (_where, options, message) => {
    await expect(createIdp({ keys, tls, ...options }).listen()).rejects.toThrow(message)
  })
})
