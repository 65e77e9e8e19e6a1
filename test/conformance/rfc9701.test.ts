// RFC 9701, the answer of introspection as a signed JWT.

import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { resourceUri } from '#test/setup/registration.ts'
import { exchangesOf, registerWorkload, tokenOf } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const accept = 'application/token-introspection+jwt'
let token: string
beforeAll(async () => {
  const agent = await registerWorkload(broker.running, 'introspected')
  token = tokenOf(await exchangesOf(broker.running).own(agent, { task_id: crypto.randomUUID() }))
})

const ask = (asked: string, headers: Record<string, string> = { accept }) =>
  broker.https.send(`${broker.running.issuer}/introspect`, {
    method: 'POST',
    headers: { ...formHeaders, authorization: `Bearer ${broker.running.resourceSecrets.pop}`, ...headers },
    body: formBody({ token: asked }),
  })

async function verify(text: string) {
  const { issuer } = broker.running
  const keys = createLocalJWKSet((await broker.https.send(`${issuer}/jwks`)).body)
  return (await jwtVerify(text, keys, { issuer, audience: resourceUri, typ: 'token-introspection+jwt' })).payload
}

describe('a signed answer', () => {
  test('is for the resource that asked, with the plain answer inside and nothing of the token at its top (§ 5)', async () => {
    const { status, headers, text } = await ask(token)
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, accept, 'no-store'])
    const payload = await verify(text)
    expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection'])
    expect(payload['token_introspection']).toEqual((await ask(token, {})).body)
    expect(payload['token_introspection']).toMatchObject({ active: true, aud: resourceUri })
  })

  test('says no more than inactive of what is not active (§ 5)', async () => {
    expect((await verify((await ask('nothing')).text))['token_introspection']).toEqual({ active: false })
  })

  test('is no token: introspected itself, it is inactive (§ 8.1)', async () => {
    expect((await ask((await ask(token)).text, {})).body).toEqual({ active: false })
  })

  test('is given to nobody who may not ask, whatever they accept', async () => {
    const { status, headers } = await ask(token, { accept, authorization: 'Bearer nothing' })
    expect([status, headers['content-type']]).toEqual([401, 'application/json; charset=utf-8'])
  })

  test.each([
    ['*/*', false],
    ['application/json', false],
    [`${accept};q=0`, false],
    [`application/json, ${accept.toUpperCase()};q=0.5`, true],
  ])('is given to those who name it: %s', async (accepted, signed) => {
    const { headers } = await ask(token, { accept: accepted })
    expect(headers['content-type'] === accept).toBe(signed)
  })

  test('has the algorithm of the resource’s tokens, which the metadata names (§ 7)', async () => {
    const { running } = broker
    await changeRegistration(running, `/v1/resources/${running.ids.resource}`, () => ({ alg: 'RS256' }))
    expect(decodeProtectedHeader((await ask(token)).text).alg).toBe('RS256')
    const { body } = await broker.https.send(`${running.issuer}/.well-known/oauth-authorization-server`)
    expect(body.introspection_signing_alg_values_supported).toEqual(['ES256', 'RS256'])
  })
})
