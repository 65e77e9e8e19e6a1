// Requests that cost their sender nothing and must cost others nothing either: rows 20 and 37 of docs/threat-model.md, where a
// claim and a browser come in.

import { expect, test } from 'vitest'
import { openAccount } from '#test/setup/claims.ts'
import { logSize } from '#test/setup/log-reader.ts'
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
  const account = await openAccount(broker.running, 'chatty')
  const own = await token(form({ task_id: account.taskId, resource: issuer, scope: 'account' }), certificate)
  const headers = { authorization: `Bearer ${own.body.access_token}` }
  const ask = () => broker.https.send(`${config.mtlsUrl}/account/claim-code`, { method: 'POST', certificate, headers })
  await setLimits({ agent_tokens_per_minute: 5 })
  const before = await logSize(broker.database.admin)
  const answers = await Promise.all(Array.from({ length: 30 }, ask))
  const made = answers.filter(({ status }) => status === 201).length
  // Twice as many where a minute ends meanwhile.
  expect(made).toBeGreaterThanOrEqual(5)
  expect(made).toBeLessThanOrEqual(10)
  expect(answers.find(({ status }) => status !== 201)).toMatchObject({
    status: 429,
    body: { 'violated-policies': ['agent_tokens_per_minute'] },
  })
  // A leaf for each, and one for all refusals of a second.
  expect((await logSize(broker.database.admin)) - before).toBeLessThanOrEqual(made + 2)
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
