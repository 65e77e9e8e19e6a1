import { beforeAll, describe, expect, test } from 'vitest'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

interface Item {
  readonly position: number
  readonly id: string
  readonly type: string
  readonly account?: string
  readonly token?: string
  readonly facts: Record<string, unknown>
  readonly private?: Record<string, unknown> | null
  readonly receipt: string
}
interface Page {
  readonly items: Item[]
  readonly next_cursor?: string
  readonly count?: number
  readonly complete_to: number
  readonly behind: number
}

const get = (path: string, token?: string) => broker.running.v1('GET', path, undefined, token)
async function list(words: string, token?: string): Promise<Page> {
  const { status, body } = await get(`/v1/audit?${words}`, token)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as Page
}
/** As text, with headers. */
async function fetchText(path: string, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${broker.running.operatorToken}`
  return broker.https.send(`${broker.running.issuer}${path}`, { headers: { authorization, ...headers } })
}

let account: string
let token: string
let auditor: string
beforeAll(async () => {
  const { running } = broker
  for (const task of ['first', 'second', 'third']) {
    const { body } = await running.token(running.form({ task_id: task }), running.certificate)
    if (task === 'second') ({ account_id: account } = body as { account_id: string })
  }
  const again = await running.token(running.form({ task_id: 'second' }), running.certificate)
  token = JSON.parse(
    Buffer.from((again.body as { access_token: string }).access_token.split('.')[1]!, 'base64url').toString(),
  ).jti
  await running.token(running.form({ scope: 'orders:everything' }), running.certificate)
  const made = await running.v1('POST', '/v1/operators', { role: 'auditor', name: 'reads', expires_in_seconds: 3_600 })
  auditor = (made.body as { token: string }).token
})

describe('GET /v1/audit', () => {
  test('finds what happened a moment ago, newest first, without a worker', async () => {
    const { items, behind } = await list('limit=3')
    expect(items.map(({ position }) => position)).toEqual([...items.map(({ position }) => position)].sort((x, y) => y - x))
    expect(items[0]!.type).toMatch(/credential.created|audit.read/)
    expect(behind).toBe(0)
  })

  test.each<[string, () => string, (item: Item) => boolean]>([
    ['an account', () => `account=${account}`, item => item.account === account],
    ['a token', () => `jti=${token}`, item => item.token === token],
    ['a task', () => 'task=second', item => item.account === account],
    ['a decision', () => 'decision=deny', item => item.type === 'token.denied'],
    ['a reason', () => 'reason=unknown*', item => item.facts['reason'] === 'unknown_scope'],
    ['types', () => 'type=resource.*,agent.created', item => /^(resource|agent)[.]/.test(item.type)],
  ])('by %s finds all of it and nothing else', async (_, words, fits) => {
    const { items: all } = await list('limit=200')
    const { items, count } = await list(`${words()}&count=exact`)
    expect(items.length).toBeGreaterThan(0)
    expect(items.map(({ id }) => id)).toEqual(all.filter(item => fits(item)).map(({ id }) => id))
    expect(count).toBe(items.length)
  })

  test('pages stay what they are while the log grows, and a cursor is good for its own question only (attack 23)', async () => {
    const first = await list('type=token.issued&limit=2')
    const { running } = broker
    await running.token(running.form({ task_id: 'meanwhile' }), running.certificate)
    const second = await list(`type=token.issued&limit=2&cursor=${first.next_cursor}`)
    expect(second.items[0]!.position).toBeLessThan(first.items[1]!.position)
    expect(second.next_cursor).toBeUndefined()
    expect([...first.items, ...second.items]).toHaveLength(4)
    const changed = `${first.next_cursor!.slice(0, -2)}AA`
    for (const words of [`type=token.*&cursor=${first.next_cursor}`, `type=token.issued&cursor=${changed}`, 'cursor=AAAA'])
      expect((await get(`/v1/audit?${words}`)).status).toBe(400)
  })

  test('answers as NDJSON and CSV by Accept or format, in printable ASCII, with the cursor in a header', async () => {
    const lines = await fetchText('/v1/audit?type=token.*&limit=2', { accept: 'application/x-ndjson' })
    expect(lines.headers['content-type']).toMatch('application/x-ndjson')
    expect(lines.headers['next-cursor']).toBeDefined()
    const items = lines.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Item)
    expect(items).toHaveLength(2)
    const table = await fetchText('/v1/audit?type=token.denied&format=csv')
    const [head, row, ...rest] = table.text.split('\r\n')
    expect(head).toMatch(/^position,id,time,type,decision,reason,/)
    expect(row).toMatch(/,token[.]denied,deny,unknown_scope,.*"{""code"":""scope_refused""/)
    expect(rest).toEqual([''])
    expect(table.text).toMatch(/^[\x20-\x7e\r\n]*$/)
  })

  test('counts for a tenant once at a time, so that nobody else waits for a connection', async () => {
    const { admin } = broker.database
    const answers: number[] = []
    const counting: Promise<number>[] = []
    await admin.begin(async locked => {
      await locked`lock table log.event in access exclusive mode`
      for (let n = 0; n < 3; n++) counting.push(get('/v1/audit?count=exact').then(({ status }) => answers.push(status)))
      await expect.poll(() => answers, { timeout: 8_000 }).toEqual([503, 503])
      expect((await get('/v1/whoami')).status).toBe(200)
    })
    await Promise.all(counting)
    expect(answers).toEqual([503, 503, 200])
    expect((await list('count=exact')).count).toBeGreaterThan(0)
  })

  test('opens what is sealed when it is asked to, and what was erased stays closed', async () => {
    expect((await list('decision=deny')).items[0]).not.toHaveProperty('private')
    const [item] = (await list('decision=deny&private=open')).items
    expect(item!.private).toMatchObject({ address: '127.0.0.1', subject: 'workload', scope: 'orders:everything' })
    const [bearer] = (await list(`jti=${token}&private=open`)).items
    expect(bearer!.private).toMatchObject({ task_id: 'second' })
  })

  test.each([
    'type=token',
    'decision=maybe',
    'from=yesterday',
    'account=acct_1',
    'limit=0',
    'limit=201',
    'unknown=1',
    'reason=%27%20or%201',
  ])('refuses ?%s', async words => expect((await get(`/v1/audit?${words}`)).status).toBe(400))
})

describe('one entry', () => {
  test('is found by its position and by its id', async () => {
    const [item] = (await list(`jti=${token}`)).items
    for (const name of [item!.position, item!.id]) expect((await get(`/v1/audit/${name}`)).body).toEqual(item)
    expect((await get('/v1/audit/999999')).status).toBe(404)
    expect((await get(`/v1/audit/${item!.id.replace(/.$/, x => (x === '0' ? '1' : '0'))}`)).status).toBe(404)
  })
})

describe('the trail of an account', () => {
  test('tells its whole life, oldest first, also when it is long gone', async () => {
    const { database } = broker
    const uuid = account.slice(5).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    await broker.running.v1('POST', `/v1/accounts/${account}/revoke`)
    await database.admin`delete from mayfly.account where id = ${uuid}`
    await database.admin`delete from mayfly.tombstone where account_id = ${uuid}`
    const { status, body } = await get(`/v1/accounts/${account}/trail`)
    expect(status).toBe(200)
    const trail = body as Page & { account: Record<string, unknown>; ancestors: unknown[]; descendants: unknown[] }
    expect(trail.items.map(({ type }) => type)).toEqual(['account.opened', 'token.issued', 'token.issued', 'account.revoked'])
    expect(trail.account).toMatchObject({ account, distance: 0, agent: broker.running.ids.agent, ended_by: 'account.revoked' })
    expect([trail.ancestors, trail.descendants]).toEqual([[], []])
  })

  test('is there for accounts that the log knows, of the own tenant', async () => {
    expect((await get(`/v1/accounts/acct_${'0'.repeat(32)}/trail`)).status).toBe(404)
  })
})

describe('who reads', () => {
  test('an auditor reads everything of its tenant and can do nothing else', async () => {
    expect((await list('decision=deny&type=token.*', auditor)).items).toHaveLength(1)
    for (const [method, path, body] of [
      ['POST', '/v1/operators', { role: 'auditor', name: 'x', expires_in_seconds: 60 }],
      ['POST', `/v1/accounts/${account}/revoke`, undefined],
      ['DELETE', `/v1/agents/${broker.running.ids.agent}`, undefined],
    ] as const)
      expect((await broker.running.v1(method, path, body, auditor)).status).toBe(403)
  })

  test('is in the log, once a minute for each question', async () => {
    const { items: before } = await list('type=audit.read&actor=crd_00000000000000000000000000000000&limit=1')
    expect(before).toEqual([])
    const asked = () => list('reason=agent_ceiling', auditor)
    for (let n = 0; n < 3; n++) await asked()
    const { items } = await list('type=audit.read')
    const mine = items.filter(({ facts }) => (facts['filters'] as Record<string, unknown>)['reason'] === 'agent_ceiling')
    expect(mine.map(({ facts }) => facts)).toEqual([
      {
        actor: expect.stringMatching(/^crd_/),
        actor_role: 'auditor',
        operation: 'GET /v1/audit',
        filters: { reason: 'agent_ceiling' },
        entries: 0,
      },
    ])
  })

  test('of much is not hidden behind a reading of little', async () => {
    const words = 'type=token.*,account.*,resource.*,agent.*,source.*'
    let shown = (await list(`${words}&limit=1`, auditor)).items.length
    while (shown < 450) shown += (await list(`${words}&limit=200`, auditor)).items.length
    const { items } = await list('type=audit.read&limit=200')
    const told = items.flatMap(({ facts }) => {
      const { type } = facts['filters'] as Record<string, unknown>
      return `type=${type}` === words ? [facts['entries'] as number] : []
    })
    expect(told.at(-1)).toBe(1)
    expect(told.reduce((sum, each) => sum + each)).toBeGreaterThan(shown - 250)
    expect(told.length).toBeLessThan(4)
  })

  test('without a credential, or with a resource’s, gets nothing', async () => {
    for (const path of ['/v1/audit', '/v1/audit/0', `/v1/accounts/${account}/trail`]) {
      expect((await get(path, 'nothing')).status).toBe(401)
      expect((await get(path, broker.running.resourceSecrets.pop)).status).toBe(403)
    }
  })

  test('sees nothing of another tenant; a platform-admin names one, or sees all, and opens nothing that is sealed (attack 22)', async () => {
    const { running } = broker
    const second = await createOtherTenant(running, 'second')
    const { items } = await list('limit=200', second.token)
    expect(new Set(items.map(item => (item as unknown as { tenant: string }).tenant))).toEqual(new Set([second.id]))
    expect((await get(`/v1/audit?account=${account}`, second.token)).body).toMatchObject({ items: [] })
    expect((await get(`/v1/accounts/${account}/trail`, second.token)).status).toBe(404)
    const [own] = (await list(`jti=${token}`)).items
    expect((await get(`/v1/audit/${own!.id}`, second.token)).status).toBe(404)
    expect((await get(`/v1/audit/${own!.position}`, second.token)).status).toBe(404)
    expect((await get(`/v1/audit?tenant=${running.ids.tenant}`, second.token)).status).toBe(403)
    expect((await list(`tenant=${second.id}&type=tenant.created`, running.platformToken)).items).toHaveLength(1)
    expect((await list('type=tenant.created', running.platformToken)).items).toHaveLength(2)
    expect((await get(`/v1/audit?tenant=${running.ids.tenant}&private=open`, running.platformToken)).status).toBe(403)
    // The tenant sees who has read its log.
    const { items: read } = await list('type=audit.read&limit=200', second.token)
    expect(read.map(({ facts }) => facts['actor_role'])).toContain('platform-admin')
  })
})
