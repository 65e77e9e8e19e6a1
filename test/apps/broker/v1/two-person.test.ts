import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openIdSource, ordersApi, reporter } from './management.ts'
import { errorOf, resource, startTwoPeople, type TwoPeople } from './two-people.ts'

let { api, who, provider, ann, ben, cleo, demand, approve, reject, look, events, propose } = {} as TwoPeople

beforeAll(async () => {
  ;({ api, who, provider, ann, ben, cleo, demand, approve, reject, look, events, propose } = await startTwoPeople())
})
afterAll(() => api.close())

describe('the rule', () => {
  const path = () => `/v1/tenants/${who.tenant}/two-person`
  beforeEach(() => demand())

  test('is set by a tenant’s admin alone while it is off, and seen by those who live under it', async () => {
    const set = await api.call('PUT', path(), ann, { classes: ['operators', 'trust'] })
    expect([set.status, set.body]).toEqual([200, { classes: ['trust', 'operators'] }])
    expect((await api.call('GET', path(), cleo)).body).toEqual({ classes: ['trust', 'operators'] })
    expect((await events()).at(-1)).toMatchObject({ type: 'two_person.changed', classes: ['trust', 'operators'] })
  })

  test('is refused to others, for other tenants, and with classes that are none', async () => {
    for (const [token, status] of [
      [undefined, 401],
      [who.auditor, 403],
      [who.platformAdmin, 403],
      [who.otherAdmin, 404],
    ] as const)
      expect((await api.call('PUT', path(), token, { classes: [] })).status).toBe(status)
    expect((await api.call('GET', path(), who.otherAdmin)).status).toBe(404)
    for (const classes of [['policy'], ['any'], ['trust', 'trust'], 'trust', undefined])
      expect((await api.call('PUT', path(), ann, { classes })).status).toBe(400)
  })

  test('cannot be turned on where nobody could ever approve', async () => {
    const answer = await api.call('PUT', `/v1/tenants/${who.otherTenant}/two-person`, who.otherAdmin, { classes: ['trust'] })
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('sign-in provider')])
  })

  test.each(['trust', 'ceilings', 'keys', 'operators'])('turned on for %s, is turned off by two people only', async name => {
    await demand(name)
    const asked = await api.call('PUT', path(), ann, { classes: [] })
    expect([asked.status, asked.body.status]).toEqual([202, 'waiting'])
    expect((await api.call('GET', path(), ann)).body).toEqual({ classes: [name] })
    expect(errorOf(await approve(asked.body.change, ann))).toBe('second_person_needed')
    expect((await approve(asked.body.change, ben)).body.status).toBe('applied')
    expect((await api.call('GET', path(), ann)).body).toEqual({ classes: [] })
  })

  test('with any class on, whoever decides who people are needs two people as well', async () => {
    await demand('keys')
    const body = api.people.provider({ name: 'mine' })
    expect((await api.call('POST', '/v1/sign-in-providers', ann, body)).status).toBe(202)
    expect((await api.call('PUT', `/v1/sign-in-providers/${provider}`, ann, api.people.provider())).status).toBe(202)
    expect((await api.call('DELETE', `/v1/sign-in-providers/${provider}`, ann)).status).toBe(202)
    expect((await api.call('GET', '/v1/whoami', ben)).status).toBe(200)
  })
})

describe('classes', () => {
  test('hold what is of them, and let the rest pass', async () => {
    await demand()
    const source = (await api.call('POST', '/v1/trust-sources', ann, openIdSource)).body.id
    const orders = (await api.call('POST', '/v1/resources', ann, resource())).body
    const agent = (await api.call('POST', '/v1/agents', ann, reporter(source))).body
    const calls = {
      trust: [
        ['POST', '/v1/trust-sources', { ...openIdSource, name: 'second', issuer: 'https://two.example' }],
        ['PUT', `/v1/trust-sources/${source}`, openIdSource],
        // Who is taken for an agent stands in its rules, and whoever holds a join token is taken for it.
        ['POST', '/v1/agents', { ...reporter(source), name: 'second' }],
        ['PUT', `/v1/agents/${agent.id}`, reporter(source)],
        ['POST', `/v1/agents/${agent.id}/join-tokens`, {}],
      ],
      ceilings: [
        ['PUT', `/v1/resources/${orders.id}`, { ...ordersApi, uri: orders.uri }],
        ['POST', '/v1/agents', { ...reporter(source), name: 'second' }],
        ['PUT', `/v1/agents/${agent.id}`, reporter(source)],
        ['DELETE', `/v1/agents/${agent.id}`, undefined],
        ['POST', `/v1/agents/${agent.id}/join-tokens`, {}],
      ],
      keys: [['POST', '/v1/keys/rotate', { use: 'signing' }]],
      operators: [['POST', '/v1/operators', { name: 'x', role: 'auditor' }]],
    } as const
    for (const [held, ofHeld] of Object.entries(calls)) {
      await demand(held)
      for (const [method, url, body] of ofHeld) expect((await api.call(method, url, ann, body)).status).toBe(202)
      await demand(...Object.keys(calls).filter(name => name !== held))
      const [method, url, body] = ofHeld[0]
      expect((await api.call(method, url, ann, body)).status).toBeLessThan(202)
    }
    // What only takes power away never waits.
    await demand(...Object.keys(calls))
    const token = (await api.call('GET', '/v1/operators', ann)).body.items.find((item: { name: string }) => item.name === 'x')
    expect((await api.call('DELETE', `/v1/operators/${token.id}`, ann)).status).toBe(204)
  })
})

describe('a waiting change', () => {
  beforeEach(() => demand('ceilings'))

  test('is nothing yet, then exactly what was asked, in events that name both', async () => {
    const body = resource()
    const before = (await events()).length
    const answer = await api.call('POST', '/v1/resources', ann, body)
    expect(answer.headers['location']).toBe(`/v1/changes/${answer.body.change}`)
    const listed = async () =>
      (await api.call('GET', '/v1/resources?limit=200', ann)).body.items.map((item: { uri: string }) => item.uri)
    expect(await listed()).not.toContain(body.uri)
    const done = await approve(answer.body.change, cleo)
    expect([done.status, done.body.status, done.body.after.uri]).toEqual([200, 'applied', body.uri])
    expect(await listed()).toContain(body.uri)
    expect(done.body.proposed_by.person).toMatchObject({ subject: 'ann', issuer: api.people.issuer })
    expect(done.body.decided_by.person).toMatchObject({ subject: 'cleo' })
    const made = (await events()).slice(before)
    expect(made.map(event => event.type)).toEqual(['change.proposed', 'change.approved', 'resource.created'])
    const [annId, cleoId] = [done.body.proposed_by.person.id, done.body.decided_by.person.id]
    expect(made[1]).toMatchObject({ actor_person: cleoId, proposed_by_person: annId, change: answer.body.change })
    expect(made[2]).toMatchObject({ actor_person: annId, approved_by_person: cleoId, change: answer.body.change })
  })

  test('is shown beside how things stand now', async () => {
    await demand()
    const made = (await api.call('POST', '/v1/resources', ann, resource())).body
    await demand('ceilings')
    const wanted = { ...ordersApi, uri: made.uri, name: 'Renamed', scopes: [{ name: 'orders:all', description: 'All orders' }] }
    const { change } = (await api.call('PUT', `/v1/resources/${made.id}`, ann, wanted)).body
    const shown = await look(change)
    expect(shown.body).toMatchObject({
      method: 'PUT',
      path: `/v1/resources/${made.id}`,
      body: wanted,
      stale: false,
      class: 'ceilings',
    })
    expect(shown.body.differences).toEqual([
      { op: 'replace', path: '/name', was: 'Orders', value: 'Renamed' },
      { op: 'replace', path: '/scopes/0/name', was: 'orders:read', value: 'orders:all' },
      { op: 'replace', path: '/scopes/0/description', was: 'Read orders', value: 'All orders' },
    ])
    const gone = (await api.call('DELETE', `/v1/resources/${made.id}`, ann)).body.change
    expect((await look(gone)).body.differences).toMatchObject([{ op: 'remove', path: '' }])
    expect((await approve(gone, ben)).body.status).toBe('applied')
    expect((await api.call('GET', `/v1/resources/${made.id}`, ann)).status).toBe(404)
  })

  test('that is invalid is refused when it is proposed, and leaves no trace but of the refusal', async () => {
    const changes = async () => (await events()).filter(({ type }) => type !== 'operator.refused').length
    const before = await changes()
    expect((await api.call('POST', '/v1/resources', ann, { ...resource(), uri: 'no uri' })).status).toBe(400)
    expect((await api.call('DELETE', `/v1/resources/res_${'0'.repeat(32)}`, ann)).status).toBe(404)
    expect(await changes()).toBe(before)
    expect(
      (await api.call('GET', '/v1/changes?status=waiting', ann)).body.items.every(
        (item: { after: { uri: string } }) => item.after?.uri !== 'no uri',
      ),
    ).toBe(true)
  })

  test('cannot be approved once what it is about has changed', async () => {
    await demand()
    const body = resource()
    const made = (await api.call('POST', '/v1/resources', ann, body)).body
    await demand('ceilings')
    const put = (name: string) => api.call('PUT', `/v1/resources/${made.id}`, ann, { ...body, name })
    const [first, second] = [(await put('First')).body.change, (await put('Second')).body.change]
    expect((await approve(first, ben)).body.status).toBe('applied')
    expect((await look(second)).body).toMatchObject({
      stale: true,
      differences: [{ path: '/name', was: 'First', value: 'Second' }],
    })
    const late = await approve(second, ben)
    expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining('has changed since')])
    expect((await api.call('GET', `/v1/resources/${made.id}`, ann)).body.name).toBe('First')
    expect((await look(second)).body.status).toBe('waiting')
  })

  test('that meets a taken name is refused as it would have been at once', async () => {
    const body = resource()
    const [first, second] = [await propose(ann, body), await propose(ben, body)]
    expect((await approve(first, cleo)).body.status).toBe('applied')
    expect((await approve(second, cleo)).status).toBe(409)
  })

  test('approved by two at once is done once', async () => {
    const change = await propose()
    const before = (await events()).length
    const answers = await Promise.all([approve(change, ben), approve(change, cleo), approve(change, ben), approve(change, cleo)])
    expect(answers.map(answer => answer.status).sort()).toEqual([200, 409, 409, 409])
    expect((await events()).slice(before).map(event => event.type)).toEqual(['change.approved', 'resource.created'])
  })

  test('has ended after seven days, by the database’s clock', async () => {
    const change = await propose()
    const shown = (await look(change)).body
    expect(Date.parse(shown.expires_at) - Date.parse(shown.created_at)).toBeCloseTo(7 * 86_400_000, -3)
    await api.admin`update mayfly.change set expires_at = clock_timestamp() where status = 'waiting'`
    expect((await look(change)).body.status).toBe('expired')
    expect([(await approve(change, cleo)).status, (await reject(change, cleo)).status]).toEqual([409, 409])
    expect((await api.call('GET', '/v1/changes?status=waiting', cleo)).body.items).toEqual([])
  })

  test('is refused by another person, or taken back by the one who proposed it, and then over', async () => {
    const [first, second] = [await propose(), await propose()]
    expect((await reject(first, cleo)).body.status).toBe('rejected')
    expect((await reject(second, ann)).body.status).toBe('withdrawn')
    for (const change of [first, second]) expect((await approve(change, ben)).status).toBe(409)
    expect((await events()).slice(-2).map(event => [event.type, event.withdrawn])).toEqual([
      ['change.rejected', false],
      ['change.rejected', true],
    ])
  })

  test('ends with the token that proposed it', async () => {
    const token = (await api.call('POST', '/v1/operators', ann, { name: 'robot', role: 'tenant-admin' })).body
    const change = await propose(token.token)
    await api.call('DELETE', `/v1/operators/${token.id}`, ben)
    expect((await look(change)).body.status).toBe('withdrawn')
    expect((await events()).find(event => event.change === change && event.type === 'change.rejected')).toMatchObject({
      withdrawn: true,
      actor_role: 'tenant-admin',
    })
    expect((await approve(change, cleo)).status).toBe(409)
  })

  test('under one Idempotency-Key is one change', async () => {
    const body = resource()
    const send = () => api.call('POST', '/v1/resources', ann, body, { 'idempotency-key': '"two"' })
    const [first, second] = [await send(), await send()]
    expect([second.status, second.body]).toEqual([202, first.body])
  })

  test.each(['approve', 'reject', 'break-glass', 'collect'])(
    '%s is refused to strangers, other roles and other tenants',
    async verb => {
      const change = await propose()
      const body = verb === 'break-glass' ? { reason: 'none' } : undefined
      const call = (token: string | undefined) => api.call('POST', `/v1/changes/${change}/${verb}`, token, body)
      expect((await call(undefined)).status).toBe(401)
      expect((await call(who.auditor)).status).toBe(403)
      expect((await call(who.otherAdmin)).status).toBe(404)
      expect((await api.call('POST', `/v1/changes/nonsense/${verb}`, ben, body)).status).toBe(400)
      expect((await api.call('GET', `/v1/changes/${change}`, who.otherAdmin)).status).toBe(404)
      expect((await api.call('GET', '/v1/changes', who.otherAdmin)).body.items).toEqual([])
      expect((await look(change)).body.status).toBe('waiting')
    },
  )
})
