import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { projectLog } from '#db/audit/projection.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const at = useBroker()

/** `acct_…`, opened by a subject of its own. */
async function open(task: string): Promise<string> {
  const { running } = at
  const { status, body } = await running.token(running.form({ task_id: task }), running.certificate)
  expect(status, JSON.stringify(body)).toBe(200)
  await projectLog(at.database.database.db)
  return String((body as { account_id: string }).account_id)
}

test('an account shows the legal holds that cover it: who placed them, and when', async () => {
  const { v1, ids } = at.running
  const [account, other] = [await open('held'), await open('not-held')]
  const get = async (id: string) => (await v1('GET', `/v1/accounts/${id}`)).body
  const place = async (target: object) => (await v1('POST', '/v1/legal-holds', { matter: 'case 21', ...target })).body
  expect(await get(account)).not.toHaveProperty('legal_holds')
  const mine = await place({ account })
  expect(mine).toMatchObject({ matter: 'case 21', placed_by: expect.any(String), placed_at: expect.any(String) })
  const agent = await place({ agent: ids.agent })
  await place({ agent: `agt_${randomUUID().replaceAll('-', '')}` })
  expect((await get(account)).legal_holds).toEqual([mine, agent])
  // The hold on an account covers whoever opened it, and with that what else it opened.
  expect((await get(other)).legal_holds.map(({ id }: { id: string }) => id)).toContain(agent.id)
  const whole = await place({})
  expect((await get(account)).legal_holds).toEqual([mine, agent, whole])
  for (const { id } of [mine, agent, whole]) expect((await v1('POST', `/v1/legal-holds/${id}/lift`)).status).toBe(200)
  expect(await get(account)).not.toHaveProperty('legal_holds')
})
