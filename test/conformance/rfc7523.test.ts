// RFC 7523, JWT profile: the workload's JWT as an authorization grant (§ 2.1).

import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { goodClaims, signAsIssuer } from '#test/setup/forged-jwt.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const ask = (changes: Record<string, string | undefined> = {}) => {
  const { running } = broker
  const base: Record<string, string | undefined> = {
    assertion: running.mint(),
    grant_type,
    resource: resourceUri,
    scope: 'orders:read',
  }
  const form = Object.fromEntries(Object.entries({ ...base, ...changes }).filter(([, value]) => value !== undefined))
  return running.token(form as Record<string, string>, running.certificate)
}

test('an assertion of a trusted issuer gets a token as by token exchange (§ 2.1)', async () => {
  const { status, body } = await ask()
  expect(status).toBe(200)
  expect(body.token_type).toBe('Bearer')
  expect(decodeJwt(body.access_token)).toMatchObject({ aud: resourceUri, client_id: broker.running.ids.agent })
})

test('the same assertion by either grant lives in the same account', async () => {
  const { running } = broker
  const token = running.mint()
  const bearer = await ask({ assertion: token })
  const exchanged = await running.token(running.form({ subject_token: token }), running.certificate)
  expect(exchanged.body.account_id).toBe(bearer.body.account_id)
})

test('no assertion is invalid_request; a subject_token does not stand in for it', async () => {
  for (const changes of [{}, { subject_token: broker.running.mint() }]) {
    const { status, body } = await ask({ assertion: undefined, ...changes })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toContain('assertion is missing')
  }
})

describe('an assertion that does not hold is invalid_grant (§ 3.1)', () => {
  const cases: Record<string, () => string> = {
    'no JWT': () => 'nonsense',
    'expired (§ 3, 4)': () => broker.running.mint({ ttlSeconds: -1 }),
    'for another audience (§ 3, 3)': () => broker.running.mint({ aud: 'https://elsewhere.example' }),
    'for several audiences': () => broker.running.mint({ aud: ['mayfly-test', 'other'] }),
    'of an unknown issuer (§ 3, 1)': () => broker.running.mint({ issuer: 'https://unknown.example' }),
    'without sub (§ 3, 2)': () => signAsIssuer(broker.running.idp.keys, goodClaims(broker.running, { sub: undefined })),
    'not yet valid (§ 3, 5)': () =>
      signAsIssuer(broker.running.idp.keys, goodClaims(broker.running, { nbf: Math.floor(Date.now() / 1000) + 60 })),
    'of no registered agent': () => broker.running.mint({ sub: 'nobody' }),
  }
  test.each(Object.entries(cases))('%s', async (_name, assertion) => {
    const { status, body } = await ask({ assertion: assertion() })
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })
})

test('a client_id that is not the assertion’s agent is invalid_client', async () => {
  const { running } = broker
  const other = await ask({ client_id: running.ids.bearerAgent })
  expect([other.status, other.body.error]).toEqual([401, 'invalid_client'])
  expect((await ask({ client_id: running.ids.agent })).status).toBe(200)
})

test('client authentication by secret is not offered, and is refused where it is sent, as is an assertion that is none (§ 2.2)', async () => {
  const sent: Record<string, string>[] = [
    { client_secret: 'x' },
    { client_assertion: 'x', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
  ]
  for (const changes of sent) {
    const { status, body } = await ask(changes)
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  }
})
