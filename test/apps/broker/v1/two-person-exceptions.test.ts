import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTwoPeople, type TwoPeople } from './two-people.ts'

let { api, who, ann, ben, cleo, demand, approve, look, events, propose } = {} as TwoPeople

beforeAll(async () => {
  ;({ api, who, ann, ben, cleo, demand, approve, look, events, propose } = await startTwoPeople())
})
afterAll(() => api.close())

describe('a change that makes a secret', () => {
  beforeEach(() => demand('operators'))
  const ask = async (token = ann, body: object = { name: 'deploy', role: 'auditor' }) =>
    (await api.call('POST', '/v1/operators', token, body)).body.change as string
  const collect = (change: string, token: string) => api.call('POST', `/v1/changes/${change}/collect`, token)

  test('is made when the one who asked comes for it, once, and shown to nobody else', async () => {
    const change = await ask()
    expect((await collect(change, ann)).status).toBe(409)
    const approved = await approve(change, cleo)
    expect([approved.body.status, approved.text]).toEqual(['approved', expect.not.stringContaining('mfo_')])
    expect((await collect(change, ben)).status).toBe(403)
    const [first, second] = await Promise.all([collect(change, ann), collect(change, ann)])
    expect([first.status, second.status].sort()).toEqual([201, 409])
    const made = first.status === 201 ? first : second
    expect(made.body).toMatchObject({ name: 'deploy', role: 'auditor', owner: { subject: 'ann' } })
    expect((await api.call('GET', '/v1/agents', made.body.token)).status).toBe(200)
    expect((await look(change)).text).not.toContain('mfo_')
    const [created] = (await events()).filter(event => event.type === 'credential.created' && event.change === change)
    expect(created).toMatchObject({ actor_person: expect.any(String), approved_by_person: expect.any(String) })
  })

  test('stores none: neither before, nor when it waits, nor after', async () => {
    const change = await ask()
    await approve(change, cleo)
    await collect(change, ann)
    const rows = await api.admin`select c::text as row from mayfly.change c`
    expect(JSON.stringify(rows)).not.toMatch(/mf[borcs]_/)
  })

  test('concerns what a platform-admin asks for in this tenant too, who may not approve there', async () => {
    const change = await ask(who.platformAdmin, { name: 'from above', role: 'tenant-admin', tenant: who.tenant })
    expect((await approve(change, who.platformAdmin)).status).toBe(403)
    expect((await api.call('GET', `/v1/changes/${change}`, who.platformAdmin)).status).toBe(200)
    expect((await approve(change, ben)).body.status).toBe('approved')
    const made = await collect(change, who.platformAdmin)
    expect(made.body).toMatchObject({ role: 'tenant-admin', tenant: who.tenant })
    expect((await api.call('POST', '/v1/operators', who.platformAdmin, { name: 'root', role: 'platform-admin' })).status).toBe(
      201,
    )
  })
})

describe('break glass', () => {
  beforeEach(() => demand('ceilings'))

  test('lets one admin pass alone, with an alarm and an event of its own', async () => {
    const change = await propose()
    const before = (await events()).length
    const done = await api.call('POST', `/v1/changes/${change}/break-glass`, ann, { reason: 'nobody else is awake' })
    expect(done.body).toMatchObject({ status: 'applied', break_glass_reason: 'nobody else is awake' })
    const made = (await events()).slice(before)
    expect(made.map(event => event.type)).toEqual(['change.break_glass', 'resource.created'])
    expect(JSON.stringify(made)).not.toContain('awake')
    const alarm = api.logLines.map(line => JSON.parse(line)).find(line => line.alarm === 'break_glass' && line.change === change)
    expect(alarm).toMatchObject({ level: 'error', reason: 'nobody else is awake', tenant: who.tenant })
  })

  test('needs a reason and an admin', async () => {
    const change = await propose()
    const call = (token: string, body?: object) => api.call('POST', `/v1/changes/${change}/break-glass`, token, body)
    expect((await call(ann, {})).status).toBe(400)
    expect((await call(ann, { reason: '' })).status).toBe(400)
    expect((await call(ann)).status).toBe(400)
    expect((await call(cleo, { reason: 'curious' })).status).toBe(403)
    expect((await call(who.otherAdmin, { reason: 'curious' })).status).toBe(404)
  })
})
