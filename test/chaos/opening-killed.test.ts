// Fault F1 for accounts that are opened ahead: the broker dies between the commit and the answer.

import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountCredentialTokenType } from '#core/account/account-credential.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createHttpsClient, type HttpsClient } from '#test/setup/https-client.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { resourceUri } from '#test/setup/registration.ts'
import { type Rig, startRig } from './rig/rig.ts'

let database: TestDatabase
let rig: Rig
let https: HttpsClient
beforeAll(async () => {
  database = await createTestDatabase()
  rig = await startRig(database.urls.app)
  https = createHttpsClient(rig.caPem)
})
afterAll(async () => {
  await https?.close()
  await rig?.close()
  await database?.close()
})

/** A broker that has just started on a busy machine may say that it is busy, before it begins with anything: then once more. */
async function open(key: string, agent: string): Promise<Awaited<ReturnType<HttpsClient['send']>>> {
  const answer = await https.send(`${rig.publicUrl}/v1/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rig.operatorToken}`, 'content-type': 'application/json', 'idempotency-key': `"${key}"` },
    body: JSON.stringify({ agent }),
  })
  if (!(answer.status === 503 && answer.text.includes('The broker is busy'))) return answer
  await setTimeout(1_000)
  return open(key, agent)
}

test('F1: an opening whose answer was lost is repeated under its key: one account, whose credential works, and one event', async () => {
  const agents = await rig.http.v1('GET', '/v1/agents', rig.operatorToken)
  const agent = agents.body.items.find(({ name }: { name: string }) => name === 'agent').id
  await rig.broker.kill()
  for (const failpoint of ['before-batch', 'batch-sent', 'after-commit']) {
    const key = randomUUID()
    const broker = await rig.start({ MAYFLY_FAILPOINT: `${failpoint}:1` })
    await expect(open(key, agent)).rejects.toThrow()
    expect(await broker.ended).toBe('SIGKILL')
    const before = (await readLog(database.admin)).filter(({ leaf }) => leaf.type === 'account.opened').length
    const again = await rig.start()
    const answers = [await open(key, agent), await open(key, agent)]
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    const [first, second] = answers.map(({ body }) => body)
    expect([first.account_id, first.account_credential]).toEqual([second.account_id, second.account_credential])
    const rows = await database.admin`select id from mayfly.account where task_id = ${first.task_id}`
    expect(rows).toHaveLength(1)
    const opened = (await readLog(database.admin)).filter(({ leaf }) => leaf.type === 'account.opened').length
    // Committed before the kill, or by the repetition; never by both.
    if (failpoint === 'before-batch') expect(opened - before).toBe(1)
    else if (failpoint === 'after-commit') expect(opened - before).toBe(0)
    else expect([0, 1]).toContain(opened - before)
    const form = {
      ...rig.form('x', { subject_token: first.account_credential, subject_token_type: accountCredentialTokenType }),
      resource: resourceUri,
    }
    expect((await rig.http.token(form, rig.certificate)).status).toBe(200)
    await again.kill()
  }
}, 60_000)
