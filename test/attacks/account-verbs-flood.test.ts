// What an agent may ask for again and again with one token of its account: row 20 of docs/threat-model.md.

import { expect, test } from 'vitest'
import { logSize } from '#test/setup/log-reader.ts'
import { exchangesOf, registerWorkload, tokenOf } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

test('20: neither extensions nor attachments cost less than a token', async () => {
  const { running, https, database } = broker
  const settings = { account_ttl_seconds: 600, longest_account_seconds: 86_400, limits: { agent_tokens_per_minute: 6 } }
  const agent = await registerWorkload(running, 'restless', { settings })
  const ask = exchangesOf(running)
  const { account_id } = (await ask.own(agent, { task_id: 'restless' })).body
  const token = tokenOf(await ask.accountToken(agent, { account_id }))
  const call = (path: string, body: object) =>
    https.send(`${running.config.mtlsUrl}/account/${path}`, {
      method: 'POST',
      certificate: agent.certificate,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const before = await logSize(database.admin)
  const answers = []
  for (let i = 0; i < 20; i++) answers.push(await call('extend', { ttl: 700 + i * 60 }))
  const made = answers.filter(({ status }) => status === 200).length
  // What the two tokens left of six, and six more where a minute ends meanwhile.
  expect(made).toBeLessThanOrEqual(10)
  expect(answers.at(-1)).toMatchObject({ status: 429, body: { 'violated-policies': ['agent_tokens_per_minute'] } })
  expect((await logSize(database.admin)) - before).toBeLessThanOrEqual(made + 2)
  const statuses = new Set<number>()
  for (let i = 0; i < 7; i++)
    statuses.add((await call('attachments', { connector: 'con_0198c0ffee00700080000000000000aa' })).status)
  expect([...statuses]).toContain(429)
})
