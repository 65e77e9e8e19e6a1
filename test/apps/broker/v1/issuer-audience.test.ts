// People's ID tokens and workloads' tokens are told apart by issuer and audience, so nobody may register one pair for both.

import { expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const issuer = 'https://id.company.example'
const source = (audience: string) => ({ kind: 'openid', name: `source ${audience}`, issuer, audience })
const provider = (client_id: string, more: object = {}) => ({
  name: `provider ${client_id}`,
  issuer,
  client_id,
  groups_claim: 'groups',
  rules: [{ group: 'admins', role: 'tenant-admin' }],
  ...more,
})
const post = (path: string, body: object) => broker.running.v1('POST', path, body)

test('an issuer and audience that workloads come with is no sign-in provider, and the other way round', async () => {
  expect((await post('/v1/trust-sources', source('workloads'))).status).toBe(201)
  expect((await post('/v1/sign-in-providers', provider('workloads'))).status).toBe(409)
  expect((await post('/v1/sign-in-providers', provider('cli', { audience: 'workloads' }))).status).toBe(409)
  expect((await post('/v1/sign-in-providers', provider('people'))).status).toBe(201)
  const taken = await post('/v1/trust-sources', source('people'))
  expect([taken.status, taken.text]).toEqual([409, expect.stringContaining('People sign in')])
})

test('of two that are registered at once for one pair exactly one is', async () => {
  const answers = await Promise.all([post('/v1/trust-sources', source('both')), post('/v1/sign-in-providers', provider('both'))])
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
})
