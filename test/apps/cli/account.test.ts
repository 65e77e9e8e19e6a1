import { readFileSync, statSync } from 'node:fs'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { treeLines } from '#apps/cli/commands/account-tree.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from './use-cli.ts'

const broker = useBroker()
const person = usePerson()
const mayfly = (words: readonly string[]) => person.mayfly(words, { env: environmentOf(broker, person) })
const opened = async (...more: string[]) => (await mayfly(['account', 'open', '--agent', 'agent', ...more, '--json'])).json()

describe('mayfly account', () => {
  test('opens one ahead, whose credential goes into a file and from there to the holder, who gets a token with it', async () => {
    const words = ['account', 'open', '--agent', 'agent', '--task', 'report-7', '--scope', 'orders:read', '--ttl', '30m']
    const ran = await mayfly([...words, '--out', 'credential', '--json'])
    expect([ran.code, ran.err]).toEqual([0, ''])
    const { account_id, account_credential, scope, claim_uri } = ran.json()
    expect([account_credential, scope]).toEqual([undefined, 'orders:read'])
    expect(claim_uri).toContain('/claim#mfc_')
    const file = `${person.home}/credential`
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(ran.out).not.toContain(readFileSync(file, 'utf8').trim())
    const { chainPem, keyPem } = broker.running.certificate
    const key = ['--cert', person.file('holder.pem', chainPem), '--key', person.file('holder.key', keyPem)]
    const asked = ['--resource', resourceUri, '--scope', 'orders:read']
    const token = await mayfly(['token', ...asked, '--account-credential-file', file, ...key])
    expect([token.code, token.err]).toEqual([0, ''])
    expect(decodeJwt(token.out.trim())).toMatchObject({ account_id, task_id: 'report-7' })
  })

  test('asks for what it would open with details, and says what the broker refuses', async () => {
    const details = [{ type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/7' }]
    const { authorization_details } = await opened('--details', JSON.stringify(details))
    expect(authorization_details).toEqual(details)
    const wide = await mayfly(['account', 'open', '--agent', 'agent', '--scope', 'orders:write'])
    expect([wide.code, wide.out]).toEqual([1, ''])
    expect(wide.err).toContain('invalid_scope')
    expect((await mayfly(['account', 'open', '--agent', 'nobody'])).err).toContain('There is no agent "nobody"')
  })

  test('tells an orchestrator, who may list no agents, to name one by its id, and opens with that', async () => {
    const file = `${person.home}/orchestrator-token`
    await mayfly(['operators', 'create', '--name', 'dispatcher', '--role', 'orchestrator', '--out', file])
    const env = { ...environmentOf(broker, person), MAYFLY_TOKEN: readFileSync(file, 'utf8').trim() }
    const byName = await person.mayfly(['account', 'open', '--agent', 'agent'], { env })
    expect(byName).toMatchObject({ code: 1, err: expect.stringContaining('Give the id of the agent') })
    const byId = await person.mayfly(['account', 'open', '--agent', broker.running.ids.agent, '--json'], { env })
    expect(byId.json()).toMatchObject({ client_id: broker.running.ids.agent })
  })

  test('lists, shows, extends, completes and revokes', async () => {
    const { account_id: id } = await opened('--task', 'list-me', '--ttl', '10m')
    const listed = await mayfly(['account', 'list', '--task', 'list-me', '--state', 'active'])
    expect(listed.out).toMatch(new RegExp(`list-me\\tactive\\t.*${id}`))
    expect((await mayfly(['account', 'list', '--task', 'list-me', '--agent', 'agent'])).out).toContain(id)
    const nobody = await mayfly(['account', 'usage', '--agent', 'nobody'])
    expect(nobody).toMatchObject({ code: 1, err: expect.stringContaining('There is no agent "nobody"') })
    const before = (await mayfly(['account', 'show', id, '--json'])).json()
    const after = (await mayfly(['account', 'extend', id, '--ttl', '20m', '--json'])).json()
    expect(Date.parse(after.expires_at) - Date.parse(before.expires_at)).toBeGreaterThan(500_000)
    expect((await mayfly(['account', 'complete', id, '--json'])).json()).toMatchObject({ id, state: 'completed', live: false })
    const other = await opened()
    expect((await mayfly(['account', 'revoke', other.account_id])).code).toBe(2)
    expect((await mayfly(['account', 'revoke', other.account_id, '--yes', '--json'])).json().state).toBe('revoked')
    const late = await mayfly(['account', 'extend', id, '--ttl', '30m'])
    expect(late).toMatchObject({ code: 1, err: expect.stringContaining('it is completed') })
  })

  test('shows a tree', async () => {
    const { account_id: id, task_id } = await opened()
    const { out, code } = await mayfly(['account', 'tree', id])
    expect([code, out]).toEqual([0, `${task_id}  active  ${broker.running.ids.agent}  ${id}\n`])
  })
})

test('a tree is drawn with each account below its parent, and what ended with its parent says so', () => {
  const node = (id: string, parent: string | null, live = true) => ({
    id,
    parent,
    live,
    task_id: `t-${id}`,
    state: 'active',
    agent: 'agt',
  })
  const items = [node('a', null), node('b', 'a'), node('c', 'a', false), node('d', 'b'), node('e', 'c', false)]
  expect(treeLines(items)).toEqual([
    't-a  active  agt  a',
    '├─ t-b  active  agt  b',
    '│  └─ t-d  active  agt  d',
    '└─ t-c  ended with its parent  agt  c',
    '   └─ t-e  ended with its parent  agt  e',
  ])
})
