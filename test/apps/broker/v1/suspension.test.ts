import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '#core/ids/id.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { bootstrap, type Management, type Operators, openIdSource, ordersApi, reporter, startManagement } from './management.ts'

let api: Management
let who: Operators
let source: string
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  await api.call('POST', '/v1/resources', who.tenantAdmin, ordersApi)
  source = (await api.call('POST', '/v1/trust-sources', who.tenantAdmin, openIdSource)).body.id
})
afterAll(() => api.close())

const newAgent = async (): Promise<string> => {
  const body = { ...reporter(source), name: `agent ${randomUUID()}` }
  return (await api.call('POST', '/v1/agents', who.tenantAdmin, body)).body.id
}
const typesSince = async (position: number) => (await readLog(api.admin, position)).map(({ leaf }) => leaf.type)
const logSize = async () => (await readLog(api.admin)).length

describe('what is suspended', () => {
  test.each([
    ['agent', '/v1/agents', newAgent],
    ['trust_source', '/v1/trust-sources', async () => source],
  ] as const)(
    'an %s: says so where it is shown until it is reinstated; each change is one event, none changes nothing',
    async (kind, path, make) => {
      const one = `${path}/${await make()}`
      const before = await logSize()
      const suspended = await api.call('POST', `${one}/suspend`, who.tenantAdmin)
      expect([suspended.status, suspended.body.suspended]).toEqual([200, true])
      const again = await api.call('POST', `${one}/suspend`, who.tenantAdmin)
      expect(again.body).toEqual(suspended.body)
      expect((await api.call('GET', one, who.auditor)).body.suspended_at).toBe(suspended.body.suspended_at)
      const reinstated = await api.call('POST', `${one}/reinstate`, who.tenantAdmin)
      expect(reinstated.body).toMatchObject({ suspended: false, suspended_at: null })
      expect((await api.call('GET', one, who.auditor)).body).not.toHaveProperty('suspended_at')
      expect(await typesSince(before)).toEqual([`${kind}.suspended`, `${kind}.reinstated`])
    },
  )

  test('stays suspended when its registration is replaced', async () => {
    const agent = await newAgent()
    await api.call('POST', `/v1/agents/${agent}/suspend`, who.tenantAdmin)
    const replaced = await api.call('PUT', `/v1/agents/${agent}`, who.tenantAdmin, {
      ...reporter(source),
      name: `agent ${randomUUID()}`,
    })
    expect([replaced.status, replaced.body.suspended_at]).toEqual([200, expect.any(String)])
  })

  test('is nobody’s of another tenant, and none that is not there', async () => {
    const agent = await newAgent()
    expect((await api.call('POST', `/v1/agents/${agent}/suspend`, who.otherAdmin)).status).toBe(404)
    expect((await api.call('POST', `/v1/agents/${newId('agent')}/suspend`, who.tenantAdmin)).status).toBe(404)
    expect((await api.call('POST', `/v1/agents/${agent}/suspend`, who.auditor)).status).toBe(403)
    expect((await api.call('POST', `/v1/agents/${agent}/suspend`)).status).toBe(401)
    expect((await api.call('GET', `/v1/agents/${agent}`, who.tenantAdmin)).body).not.toHaveProperty('suspended_at')
  })
})
