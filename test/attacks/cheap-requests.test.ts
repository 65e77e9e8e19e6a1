// Requests that cost their sender nothing and must cost others nothing either: rows 20 and 37 of docs/threat-model.md, where a
// claim and a browser come in.

import { expect, test } from 'vitest'
import { logSize, readLog } from '#test/setup/log-reader.ts'
import { untilServed } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

const setLimits = async (limits: object): Promise<void> => {
  // As the tenant itself, so that this broker has heard of it by the answer.
  const { ids, v1 } = broker.running
  expect((await v1('PUT', `/v1/tenants/${ids.tenant}/limits`, { limits })).status).toBe(200)
  await broker.database.admin`delete from mayfly.quota`
}

test('20: claim codes fill no log: each costs the rates as much as a token', async () => {
  const { issuer, config, certificate, form, token } = broker.running
  const ownToken = () => token(form({ task_id: 'chatty', resource: issuer, scope: 'account' }), certificate)
  const own = await untilServed(ownToken)
  const headers = { authorization: `Bearer ${own.body.access_token}` }
  const ask = () => broker.https.send(`${config.mtlsUrl}/account/claim-code`, { method: 'POST', certificate, headers })
  await setLimits({ agent_tokens_per_minute: 5 })
  const before = await logSize(broker.database.admin)
  const answers = await Promise.all(Array.from({ length: 30 }, ask))
  const made = answers.filter(({ status }) => status === 201).length
  const unanswered = answers.filter(({ status }) => status === 503).length
  // Twice as many where a minute ends meanwhile; a busy machine says 503.
  expect(made + unanswered).toBeGreaterThanOrEqual(5)
  expect(made).toBeLessThanOrEqual(10)
  expect(answers.find(({ status }) => status !== 201 && status !== 503)).toMatchObject({
    status: 429,
    body: { 'violated-policies': ['agent_tokens_per_minute'] },
  })
  // A leaf for each; refusals are counted by the second.
  const types = (await readLog(broker.database.admin, before)).map(({ leaf }) => leaf.type)
  expect(types.filter(type => type !== 'requests.rejected').length).toBeLessThanOrEqual(made + unanswered)
  await setLimits({})
})

test('27: what another site loads as an image, a script or a frame begins no sign-in and costs its reader’s address nothing', async () => {
  const { issuer } = broker.running
  const ask = (path: string, headers: Record<string, string>) => broker.https.send(`${issuer}${path}`, { headers })
  const foreign = { 'sec-fetch-site': 'cross-site' }
  for (let i = 0; i < 250; i++) {
    const headers = { ...foreign, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }
    expect((await ask('/console/callback', headers)).status).toBe(403)
  }
  const frame = { ...foreign, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }
  for (const path of ['/claim', '/console/sign-in', '/console/callback']) expect((await ask(path, frame)).status).toBe(403)
  const visit = { ...foreign, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  expect((await ask('/claim', visit)).status).toBe(200)
  expect((await ask('/console/callback', visit)).status).toBe(303)
})

test('25: who is not signed in at the console is refused before a body is read, whatever it holds', async () => {
  const { issuer } = broker.running
  const headers = { origin: issuer, 'content-type': 'application/json' }
  for (const path of ['claims/look', 'claims/confirm', 'claims/refuse', `accounts/acct_${'0'.repeat(32)}/review`])
    for (const body of ['{', `{"secret":"${'x'.repeat(60_000)}"}`])
      expect((await broker.https.send(`${issuer}/console/api/${path}`, { method: 'POST', headers, body })).body.code).toBe(
        'sign_in_needed',
      )
})
