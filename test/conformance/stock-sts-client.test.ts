// A client that knows only the six fields of cloud STS clients: no client authentication, no client_id, no resource.

import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { countAccounts } from '#test/setup/log-reader.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

const ask = (subject_token: string) =>
  broker.https.send(`${broker.running.issuer}/token`, {
    method: 'POST',
    headers: formHeaders,
    body: formBody({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: resourceUri,
      scope: 'orders:read',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    }),
  })

test('gets a token where the agent’s registration says bearer', async () => {
  const { status, body } = await ask(broker.running.mint({ sub: 'bearer-workload', runId: 'first' }))
  expect(status).toBe(200)
  expect(decodeJwt(body.access_token)).toMatchObject({ aud: resourceUri, client_id: broker.running.ids.bearerAgent })
  expect(decodeJwt(body.access_token)).not.toHaveProperty('cnf')
  expect(body.expires_in).toBeGreaterThan(0)
})

test('renews in the same account: with the same subject token, and with a newer one of the same run', async () => {
  const { running, database } = broker
  const old = running.mint({ sub: 'bearer-workload', runId: 'renewing' })
  const first = await ask(old)
  const accounts = await countAccounts(database.admin)
  const again = await ask(old)
  const newer = await ask(running.mint({ sub: 'bearer-workload', runId: 'renewing' }))
  expect([again.body.account_id, newer.body.account_id]).toEqual([first.body.account_id, first.body.account_id])
  expect(new Set([first, again, newer].map(answer => answer.body.access_token)).size).toBe(3)
  expect(await countAccounts(database.admin)).toBe(accounts)
  expect(newer.body.account_expires_in).toBeLessThanOrEqual(first.body.account_expires_in)
})

test('another run is another task and another account', async () => {
  const { running } = broker
  const one = await ask(running.mint({ sub: 'bearer-workload', runId: 'one' }))
  const two = await ask(running.mint({ sub: 'bearer-workload', runId: 'two' }))
  expect(two.body.account_id).not.toBe(one.body.account_id)
})

test('gets invalid_client where the agent must prove a key, and opens nothing', async () => {
  const { running, database } = broker
  const accounts = await countAccounts(database.admin)
  const { status, body } = await ask(running.mint())
  expect([status, body.error]).toEqual([401, 'invalid_client'])
  expect(await countAccounts(database.admin)).toBe(accounts)
})
