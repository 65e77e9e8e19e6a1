// What Claude Code's hooks and headers helper do at a real broker, in the development way: no flags.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { writeDevFile } from '../dev-file.ts'
import { usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
beforeAll(() => void writeDevFile(broker, person))

const hook = (name: string, input: object | string, words: readonly string[] = [], env: Record<string, string> = {}) =>
  person.mayfly(['hook', name, ...words], {
    env,
    readInput: async () => (typeof input === 'string' ? input : JSON.stringify(input)),
  })
const event = (sessionId: string, agentId?: string) => ({
  session_id: sessionId,
  hook_event_name: agentId ? 'SubagentStart' : 'SessionEnd',
  ...(agentId && { agent_id: agentId, agent_type: 'Explore' }),
  cwd: '/somewhere',
  transcript_path: '/somewhere/transcript.jsonl',
})
const accountIn = (out: string): string => /acct_[0-9a-f]{32}/.exec(out)![0]
const account = async (id: string) => (await broker.running.v1('GET', `/v1/accounts/${id}`)).body
const tokenIn = (accountId: string) => person.mayfly(['token', '--account-id', accountId])

describe('a sub-agent', () => {
  test('gets an account below the session’s, is told how to get tokens in it, and no token', async () => {
    const { code, out, err } = await hook('subagent-start', event('s1', 'a1'))
    expect([code, JSON.parse(out).hookSpecificOutput.hookEventName]).toEqual([0, 'SubagentStart'])
    expect(out + err).not.toMatch(/eyJ|mf[a-z]_/)
    const child = await account(accountIn(out))
    expect(child).toMatchObject({ state: 'active', depth: 1, task_id: expect.stringMatching(/^claude-subagent-a1-/) })
    expect(await account(child.parent)).toMatchObject({ state: 'active', task_id: 'claude-session-s1' })
    const claims = decodeJwt((await tokenIn(child.id)).out.trim())
    expect(claims).toMatchObject({ account_id: child.id, sub: child.parent, aud: resourceUri, scope: 'orders:read' })
  })

  test('that is woken again keeps its account; after its end it gets another one', async () => {
    const first = accountIn((await hook('subagent-start', event('s2', 'a1'))).out)
    expect(accountIn((await hook('subagent-start', event('s2', 'a1'))).out)).toBe(first)
    expect((await hook('subagent-stop', event('s2', 'a1'))).code).toBe(0)
    expect((await account(first)).state).toBe('completed')
    expect((await tokenIn(first)).code).toBe(1)
    const second = accountIn((await hook('subagent-start', event('s2', 'a1'))).out)
    expect(second).not.toBe(first)
  })

  test('stands beside others of its session, and each ends alone', async () => {
    const outs = await Promise.all(['a1', 'a2', 'a3'].map(agent => hook('subagent-start', event('s3', agent))))
    const [one, two, three] = await Promise.all(outs.map(({ out }) => account(accountIn(out))))
    expect(new Set([one, two, three].map(each => each.parent)).size).toBe(1)
    await hook('subagent-stop', event('s3', 'a2'))
    expect([(await account(one.id)).live, (await account(two.id)).live, (await account(three.id)).live]).toEqual([
      true,
      false,
      true,
    ])
    expect((await hook('session-end', event('s3'))).code).toBe(0)
    expect([(await account(one.id)).live, (await account(three.id)).live]).toEqual([false, false])
  })

  test('leaves ids in files of its owner alone, and nothing after the session', async () => {
    await hook('subagent-start', event('s4', 'a1'))
    const folder = `${person.home}/.local/state/mayfly/hooks/s4`
    for (const name of readdirSync(folder)) {
      expect(statSync(`${folder}/${name}`).mode & 0o777).toBe(0o600)
      expect(readFileSync(`${folder}/${name}`, 'utf8')).toMatch(/^acct_[0-9a-f]{32}\n$/)
    }
    await hook('session-end', event('s4'))
    expect(() => readdirSync(folder)).toThrow('ENOENT')
  })

  test('that never had an account, and a session that opened none, end without a word', async () => {
    expect(await hook('subagent-stop', event('s5', 'a9'))).toMatchObject({ code: 0, out: '', err: expect.any(String) })
    expect((await hook('session-end', event('s5'))).code).toBe(0)
  })
})

describe('a hook that fails', () => {
  test.each([
    ['no JSON', 'hello'],
    ['a session that is a path', { ...event('../../etc', 'a1') }],
    ['a sub-agent that is a path', { ...event('s6', '../x') }],
    ['no sub-agent', event('s6')],
  ])('for %s never orders Claude Code to go on: its exit code is 1', async (_, input) => {
    const { code, out } = await hook('subagent-stop', input)
    expect([code, out]).toEqual([1, ''])
  })

  test('for a wrong flag has exit code 1, too', async () => {
    expect((await hook('subagent-stop', event('s6', 'a1'), ['--nonsense'])).code).toBe(1)
  })

  test('gives a sub-agent more than its agent may: nothing', async () => {
    const { code, out, err } = await hook('subagent-start', event('s7', 'a1'), ['--scope', 'orders:write'])
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('invalid_scope')
  })
})

describe('the headers helper', () => {
  const mcp = { CLAUDE_CODE_SESSION_ID: 's8', CLAUDE_CODE_MCP_SERVER_NAME: 'orders' }

  test('prints headers for the server that is about to be called, in the session’s account', async () => {
    const { code, out } = await hook('headers', '', ['--scope', 'orders:read'], {
      ...mcp,
      CLAUDE_CODE_MCP_SERVER_URL: resourceUri,
    })
    expect(code).toBe(0)
    const { Authorization } = JSON.parse(out)
    const claims = decodeJwt(Authorization.replace('Bearer ', ''))
    expect(claims).toMatchObject({ aud: resourceUri, task_id: 'claude-session-s8' })
    await hook('session-end', event('s8'))
    expect((await account(claims['account_id'] as string)).state).toBe('completed')
  })

  test('gives no token for a server outside its resource', async () => {
    const elsewhere = { ...mcp, CLAUDE_CODE_MCP_SERVER_URL: 'https://mcp.example/mcp' }
    const { code, out, err } = await hook('headers', '', ['--resource', resourceUri, '--scope', 'orders:read'], elsewhere)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('does not lie within')
  })
})
