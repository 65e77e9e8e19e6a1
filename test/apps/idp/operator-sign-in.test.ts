// From a picked name to a session, on real sockets: a stock OpenID client at the provider, then the broker, which asks the
// provider for its keys.

import * as client from 'openid-client'
import { fetch as undiciFetch } from 'undici'
import { describe, expect, test } from 'vitest'
import { createBrowser } from '#test/setup/browser.ts'
import { useSignIn } from '#test/setup/sign-in.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const signIn = useSignIn(broker)

const customFetch = ((url: string, init: object) =>
  undiciFetch(url, { ...init, dispatcher: signIn.dispatcher })) as unknown as client.CustomFetch

/** As any client does it that was told nothing but the broker's address. */
async function offered() {
  const { body } = await broker.https.send(`${broker.running.issuer}/v1/sign-in`)
  const [provider] = body.providers
  const config = await client.discovery(new URL(provider.issuer), provider.client_id, undefined, client.None(), {
    [client.customFetch]: customFetch,
  })
  return { provider, config, scope: provider.scopes.join(' ') as string }
}

const openSession = (body: object) =>
  broker.https.send(`${broker.running.issuer}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const whoami = (token: string) => broker.running.v1('GET', '/v1/whoami', undefined, token)

async function getIdToken(person: string, nonce: string) {
  const { provider, config, scope } = await offered()
  const redirect_uri = 'http://127.0.0.1:50123/callback'
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const browser = createBrowser(signIn.dispatcher, signIn.idp.issuer)
  const back = await browser.submit((await browser.open(url.href)).url, { person })
  const tokens = await client.authorizationCodeGrant(config, new URL(back.url), { pkceCodeVerifier, expectedNonce: nonce })
  return { provider: provider.id as string, id_token: tokens.id_token!, nonce }
}

describe('an operator', () => {
  test('signs in with code and PKCE, manages, and signs out', async () => {
    const body = await getIdToken('operator', client.randomNonce())
    const opened = await openSession(body)
    expect([opened.status, opened.body.operator]).toMatchObject([
      201,
      { role: 'tenant-admin', subject: 'operator', name: 'Operator' },
    ])
    const { token } = opened.body
    expect((await whoami(token)).body).toMatchObject({ kind: 'session', issuer: signIn.idp.issuer, subject: 'operator' })
    expect((await broker.running.v1('GET', '/v1/agents', undefined, token)).status).toBe(200)
    expect((await openSession(body)).status).toBe(401)
    expect((await broker.running.v1('DELETE', '/v1/sessions/current', undefined, token)).status).toBe(204)
    expect((await whoami(token)).status).toBe(401)
  })

  test('signs in by the device grant, whose ID token holds no nonce', async () => {
    const { provider, config, scope } = await offered()
    const begun = await client.initiateDeviceAuthorization(config, { scope })
    const browser = createBrowser(signIn.dispatcher, signIn.idp.issuer)
    const xsrf = (text: string) => /name="xsrf" value="([^"]+)"/.exec(text)![1]!
    const asked = await browser.open(begun.verification_uri)
    const sure = await browser.submit(begun.verification_uri, { xsrf: xsrf(asked.text), user_code: begun.user_code })
    const form = { xsrf: xsrf(sure.text), user_code: begun.user_code, confirm: 'yes' }
    const page = await browser.submit(begun.verification_uri, form)
    await browser.submit(page.url, { person: 'operator' })
    const { id_token } = await client.pollDeviceAuthorizationGrant(config, { ...begun, interval: 0.01 })
    expect((await openSession({ provider: provider.id, id_token, nonce: 'invented' })).status).toBe(401)
    expect((await openSession({ provider: provider.id, id_token })).status).toBe(201)
  })

  test('is told which claim decides when no group fits', async () => {
    const refused = await openSession(await getIdToken('visitor', client.randomNonce()))
    expect([refused.status, refused.body.type]).toEqual([403, 'urn:mayfly:error:no_role'])
    expect(refused.body.detail).toContain('groups')
  })

  test('is not let in by a workload token of the same provider, and no ID token is a workload’s', async () => {
    const body = await getIdToken('operator', client.randomNonce())
    const source = {
      kind: 'openid',
      name: 'same',
      issuer: signIn.idp.issuer,
      algorithms: ['ES256'],
      ca_pem: broker.running.ca.certificatePem,
    }
    expect((await broker.running.v1('POST', '/v1/trust-sources', source)).status).toBe(201)
    const asSubject = await broker.running.token(broker.running.form({ subject_token: body.id_token }))
    expect(asSubject.status).toBe(400)
    const claims = { groups: ['mayfly-admins'], nonce: body.nonce }
    const foreign = signIn.idp.mint({ sub: 'operator', aud: broker.running.issuer, claims })
    expect((await openSession({ ...body, id_token: foreign })).status).toBe(401)
  })
})
