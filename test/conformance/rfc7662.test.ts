// RFC 7662, token introspection, for resources that want to ask rather than verify. With it attack row 18: no worker runs here, so
// nothing is ever collected, and what has ended is inactive all the same.

import * as client from 'openid-client'
import { fetch as undiciFetch } from 'undici'
import { describe, expect, test, vi } from 'vitest'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const { introspect, open, token: tokenAhead } = useAccountsAhead(broker)

async function issued(changes: Record<string, string> = {}) {
  const { running } = broker
  const ask = () => running.token(running.form({ task_id: crypto.randomUUID(), ...changes }), running.certificate)
  let answer = await ask()
  // A machine that is busy with other tests may say 503.
  for (let tries = 1; answer.status === 503 && tries < 10; tries += 1) answer = await ask()
  expect(answer.status, answer.text).toBe(200)
  return answer.body as { access_token: string; account_id: string }
}
const endAccount = (id: string, verb: string) => broker.running.v1('POST', `/v1/accounts/${id}/${verb}`)

describe('a token that lives', () => {
  test('is active, with its claims, for the resource that it is for (§ 2.2)', async () => {
    const { access_token, account_id } = await issued()
    const { status, headers, body } = await introspect(access_token)
    expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
    expect(body).toMatchObject({
      ...{ active: true, token_type: 'Bearer', iss: broker.running.issuer, account_id, scope: 'orders:read' },
      ...{ cnf: { 'x5t#S256': expect.any(String) }, act: { sub: broker.running.ids.agent }, jti: expect.any(String) },
    })
  })

  test('is inactive, and nothing more, for any other resource', async () => {
    const { access_token } = await issued()
    expect((await introspect(access_token, broker.running.resourceSecrets.once)).body).toEqual({ active: false })
  })

  test('is introspected by openid-client, with Basic', async () => {
    const { access_token } = await issued()
    const fetch = ((url: string, options: object) =>
      undiciFetch(url, { ...options, dispatcher: broker.https.dispatcher() } as never)) as unknown as client.CustomFetch
    const authentication = client.ClientSecretBasic(broker.running.resourceSecrets.pop)
    const config = await client.discovery(new URL(broker.running.issuer), broker.running.ids.resource, {}, authentication, {
      algorithm: 'oauth2',
      [client.customFetch]: fetch,
    })
    config[client.customFetch] = fetch
    expect(await client.tokenIntrospection(config, access_token)).toMatchObject({ active: true })
  })
})

describe('a token is inactive, and nothing more is said (row 18)', () => {
  test.each(['complete', 'revoke'])('once its account has ended: %s', async verb => {
    const { access_token, account_id } = await issued()
    await endAccount(account_id, verb)
    expect((await introspect(access_token)).body).toEqual({ active: false })
  })

  test('once its account is past its deadline, though no worker collects it; and there is no other token in it', async () => {
    const { account_id, account_credential } = (await open({ task_id: crypto.randomUUID(), ttl: 1 })).body
    await broker.database
      .admin`update mayfly.account set deadline = clock_timestamp() + interval '1 hour' where id = ${account_id.slice(5)}::uuid`
    // The broker goes by what the opening said, and so does whoever verifies the token alone; the database knows better.
    const answer = await tokenAhead(account_credential, broker.running.certificate)
    expect(answer.status, answer.text).toBe(200)
    expect((await introspect(answer.body.access_token)).body.active).toBe(true)
    await broker.database.admin`update mayfly.account set deadline = clock_timestamp() where id = ${account_id.slice(5)}::uuid`
    expect((await introspect(answer.body.access_token)).body).toEqual({ active: false })
    expect((await tokenAhead(account_credential, broker.running.certificate)).body.error).toBe('access_denied')
    const [row] = await broker.database
      .admin`select state::text as state from mayfly.account where id = ${account_id.slice(5)}::uuid`
    expect(row!['state']).toBe('a')
    const shown = await broker.running.v1('GET', `/v1/accounts/${account_id}`)
    expect(shown.body).toMatchObject({ state: 'expired', live: false })
  })

  test('once its account is claimed: its generation is over', async () => {
    const { access_token, account_id } = await issued()
    await broker.database.admin`update mayfly.account set state = 'c', readmitted = true, generation = 2, deadline = 'infinity'
      where id = ${account_id.slice(5)}::uuid`
    expect((await introspect(access_token)).body).toEqual({ active: false })
  })

  test('once it has expired', async () => {
    const { access_token } = await issued({ ttl: '1' })
    await vi.waitFor(async () => expect((await introspect(access_token)).body).toEqual({ active: false }), {
      timeout: 5_000,
      interval: 100,
    })
  })

  test('that was changed, that is another kind, or that is nothing at all', async () => {
    const { running } = broker
    const { access_token } = await issued()
    const [head, claims, signature] = access_token.split('.') as [string, string, string]
    const widened = Buffer.from(claims, 'base64url').toString().replace('orders:read', 'orders:write')
    const forged = `${head}.${Buffer.from(widened).toString('base64url')}.${signature}`
    const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${claims}.`
    for (const token of [forged, unsigned, running.mint(), 'x', running.operatorToken, `${access_token}A`])
      expect((await introspect(token)).body).toEqual({ active: false })
  })
})

describe('whoever asks must be a resource of this tenant (§ 2.1)', () => {
  test('by its own credential; an operator, a stranger and another tenant are refused alike', async () => {
    const { running } = broker
    const { access_token } = await issued()
    for (const secret of [running.operatorToken, 'nothing', `${running.resourceSecrets.pop}x`]) {
      const { status, body } = await introspect(access_token, secret)
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    }
    const other = await createOtherTenant(running, 'elsewhere')
    const { status } = await broker.https.send(`${other.issuer}/introspect`, {
      method: 'POST',
      headers: { ...formHeaders, authorization: `Bearer ${running.resourceSecrets.pop}` },
      body: formBody({ token: access_token }),
    })
    expect(status).toBe(401)
  })

  test('and sends one token', async () => {
    const send = (body: string) =>
      broker.https.send(`${broker.running.issuer}/introspect`, {
        method: 'POST',
        headers: { ...formHeaders, authorization: `Bearer ${broker.running.resourceSecrets.pop}` },
        body,
      })
    expect((await send('')).body.error).toBe('invalid_request')
    expect((await send('token=a&token=b')).body.error).toBe('invalid_request')
  })
})
