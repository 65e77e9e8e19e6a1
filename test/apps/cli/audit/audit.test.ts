import { beforeAll, describe, expect, test } from 'vitest'
import { detailText, spanText, storyLine } from '#apps/cli/audit/event-text.ts'
import type { Io } from '#apps/cli/io.ts'
import { createPaint } from '#apps/cli/output/paint.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
const mayfly = (words: readonly string[], changes: Partial<Io> = {}) =>
  person.mayfly(['audit', ...words], { env: environmentOf(broker, person), ...changes })
const atTerminal: Partial<Io> = { terminal: { in: true, out: true, err: false }, columns: 200 }

let account: string
beforeAll(async () => {
  const { running } = broker
  for (let n = 0; n < 3; n++) {
    const { body } = await running.token(running.form({ task_id: 'audited' }), running.certificate)
    ;({ account_id: account } = body as { account_id: string })
  }
  await running.token(running.form({ scope: 'orders:everything' }), running.certificate)
})

describe('mayfly audit list', () => {
  test('shows what was refused to an agent, by its name, as a table', async () => {
    const ran = await mayfly(['list', '--agent', 'agent', '--decision', 'deny', '--from', '1h'])
    expect([ran.code, ran.err]).toEqual([0, ''])
    const [head, row, ...rest] = ran.out.trimEnd().split('\n')
    expect(head).toBe('time\tdecision\tevent\twho\taccount\tdetails\tposition')
    expect(row).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\tdeny\ttoken.denied\tagt_/)
    expect(row).toContain('unknown_scope')
    expect(rest).toEqual([])
    const seen = await mayfly(['list', '--agent', 'agent', '--decision', 'deny'], atTerminal)
    expect(seen.out).toMatch(/deny +token.denied +agent +unknown_scope/)
  })

  test('on a terminal of a hundred columns still shows why, and says where the rest is', async () => {
    const seen = await mayfly(['list', '--agent', 'agent', '--decision', 'deny'], { ...atTerminal, columns: 100 })
    expect(seen.out).toContain('unknown_scope  code=sc')
    expect(Math.max(...seen.out.split('\n').map(line => line.length))).toBeLessThanOrEqual(110)
    expect(seen.err).toContain('mayfly audit show POSITION')
  })

  test('goes through all pages, a line of JSON for each', async () => {
    const ran = await mayfly(['list', '--account', account, '--all', '--oldest', '--json'])
    const types = ran.out
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).type)
    expect(types).toEqual(['account.opened', 'token.issued', 'token.issued', 'token.issued'])
  })

  test('says how to go on, and goes on there', async () => {
    const first = await mayfly(['list', '--type', 'token.issued', '--limit', '2', '--json'])
    expect(first.json().items).toHaveLength(2)
    const rest = await mayfly(['list', '--type', 'token.issued', '--cursor', first.json().next_cursor, '--json'])
    expect(rest.json()).toMatchObject({ items: [{ type: 'token.issued' }], behind: 0 })
    expect((await mayfly(['list', '--type', 'token.issued', '--limit', '2'])).err).toContain('--cursor')
  })

  test('opens what is sealed on request', async () => {
    expect((await mayfly(['list', '--decision', 'deny', '--private', '--json'])).json().items[0].private.address).toBe(
      '127.0.0.1',
    )
    expect((await mayfly(['list', '--decision', 'deny', '--private'])).out).toContain('address: 127.0.0.1')
  })

  test('finds nothing and says so, and refuses what means nothing', async () => {
    expect(await mayfly(['list', '--reason', 'never'])).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('Nothing of that kind'),
    })
    expect(await mayfly(['list', '--decision', 'maybe'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('allow, deny or defer'),
    })
    expect(await mayfly(['list', '--from', 'yesterday'])).toMatchObject({ code: 1, err: expect.stringContaining('2026-11-23') })
    expect(await mayfly(['list', '--agent', 'nobody'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no agent "nobody"'),
    })
    expect((await mayfly(['list', '--limit', '0'])).code).toBe(2)
  })
})

test('a hold that is not there: what to do names the command that lists holds', async () => {
  expect((await mayfly(['hold', 'lift', 'nothing', '--yes'])).err).toContain('mayfly audit hold list --all')
})

test('mayfly audit count counts exactly', async () => {
  expect((await mayfly(['count', '--type', 'token.issued'])).out).toBe('3\n')
  expect((await mayfly(['count', '--account', account, '--json'])).json()).toMatchObject({ count: 4 })
})

test('mayfly audit show shows one entry, by its position and by its id', async () => {
  const [event] = (await mayfly(['list', '--decision', 'deny', '--json'])).json().items
  for (const name of [String(event.position), event.id]) expect((await mayfly(['show', name, '--json'])).json()).toEqual(event)
  expect((await mayfly(['show', String(event.position), '--private'])).out).toContain('subject: workload')
  expect((await mayfly(['show', '999999'])).code).toBe(1)
})

describe('mayfly audit trail', () => {
  test('tells the life of an account in the order in which it happened', async () => {
    await broker.running.v1('POST', `/v1/accounts/${account}/revoke`)
    const ran = await mayfly(['trail', account])
    expect([ran.code, ran.err]).toEqual([0, ''])
    const [head, empty, ...story] = ran.out.trimEnd().split('\n')
    expect(head).toMatch(new RegExp(`^${account}  agt_\\w+  opened .*Z, revoked .*Z after \\d`))
    expect(empty).toBe('')
    expect(story.map(line => /[✔✖•] (\S+)/.exec(line)?.[1])).toEqual([
      'account.opened',
      'token.issued',
      'token.issued',
      'token.issued',
      'account.revoked',
    ])
    expect((await mayfly(['trail', account, '--json'])).json()).toMatchObject({ account: { account }, items: expect.any(Array) })
  })

  test('steers no terminal by the name of an agent (attack 28)', async () => {
    const { admin } = broker.database
    const id = broker.running.ids.agent.replace(/^agt_/, '')
    const [before] = await admin`select name from mayfly.agent where id = ${id}::uuid`
    await admin`update mayfly.agent set name = ${'eve\u001b[2J\u202e\u{e0041}\nforged'} where id = ${id}::uuid`
    const seen = [await mayfly(['trail', account], atTerminal), await mayfly(['list', '--account', account], atTerminal)]
    await admin`update mayfly.agent set name = ${before!['name']} where id = ${id}::uuid`
    for (const { out } of seen) {
      expect(out).toContain('eve')
      expect(out).not.toMatch(/\u001b\[2J|\u202e|\u{e0041}|^forged/mu)
    }
  })

  test('of an account that never was is no empty story', async () => {
    expect((await mayfly(['trail', `acct_${'0'.repeat(32)}`])).code).toBe(1)
  })
})

describe('an event in words', () => {
  test('never steers a terminal, whatever its facts say', () => {
    const event = {
      type: 'decisions.reported',
      time: '2026-11-23T08:00:00.000Z',
      facts: { note: '\u001b[2J\u202e\r\nforged line' },
    }
    const line = storyLine(createPaint({}, false), event, new Map(), 400)
    expect(line).not.toMatch(/[\u0000-\u001f\u202e]/)
    expect(line).toContain('+0.4 s')
    expect(detailText({ facts: null })).toBe('(body dropped)')
  })

  test('names the agent that somebody else registered, ids as other commands take them, and times as times', () => {
    const uuid = '01a207b1-87b3-7478-a3cd-34a1c6240413'
    const by = { actor: { kind: 'operator', id: 'crd_1' }, agent: 'agt_1' }
    expect(detailText({ ...by, facts: {} }, new Map([['agt_1', 'nightly']]))).toBe('agent=nightly')
    expect(detailText({ ...by, facts: { agent: 'agt_1' } })).toBe('agent=agt_1')
    expect(detailText({ actor: { kind: 'agent', id: 'agt_1' }, agent: 'agt_1', facts: { resource: uuid } })).toBe(
      `resource=res_${uuid.replaceAll('-', '')}`,
    )
    expect(detailText({ facts: { resource: 'issuer', revoked_at: 1795425602.61 } })).toBe(
      'resource=issuer  revoked_at=2026-11-23 09:20:02Z',
    )
  })

  test.each([
    [0, '0.0 s'],
    [9_900, '9.9 s'],
    [61_000, '61 s'],
    [300_000, '5 min'],
    [7_200_000, '2 h'],
    [864_000_000, '10 d'],
  ])('%s ms are %s', (ms, text) => expect(spanText(ms)).toBe(text))
})
