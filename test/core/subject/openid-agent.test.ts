// From a verified token to one agent, one instance and one task: a proof is unambiguous, or it is refused.

import { beforeEach, describe, expect, test } from 'vitest'
import type { AgentRule } from '#core/registry/agent.ts'
import { agent, newVerifier, rule, sign, sub } from './openid-issuer.ts'
import { issuer, makeAgent, makeSnapshot, openIdSource, x509Source } from './snapshot.ts'

let { verify, reasonOf } = newVerifier()
beforeEach(() => {
  ;({ verify, reasonOf } = newVerifier())
})

describe('the agent', () => {
  const twoAgents = (...rules: AgentRule[]) => makeSnapshot({ agents: rules.map(one => makeAgent([one])) })

  test('is refused when two match one proof', async () => {
    const broad: AgentRule = { trust_source: 'source-ci', claims: { sub: 'repo:org/**' } }
    expect(await reasonOf(await sign(), twoAgents(rule, broad))).toBe('ambiguous_agent')
    expect(
      await reasonOf(await sign(), makeSnapshot({ agents: [makeAgent([rule, broad])] })),
      'two rules of one agent',
    ).toBeUndefined()
  })

  test.each<[name: string, bad: AgentRule]>([
    ['a rule without sub', { trust_source: 'source-ci', claims: { ref: 'main' } }],
    ['a rule without any claim', { trust_source: 'source-ci', claims: {} }],
    ['a rule of another trust source', { trust_source: 'source-other', claims: { sub } }],
    ['a rule for certificates', { trust_source: 'source-ci', san_uri: sub }],
    ['a rule with a claim that the token lacks', { trust_source: 'source-ci', claims: { sub, environment: 'production' } }],
    ['a rule with a claim that the token has as a list', { trust_source: 'source-ci', claims: { sub, groups: 'a' } }],
    [
      'a rule with a claim that only every object has',
      { trust_source: 'source-ci', claims: { sub, 'constructor.name': 'Object' } },
    ],
  ])('is not recognised by %s', async (_, bad) => {
    expect(await reasonOf(await sign({ ref: 'main', groups: ['a'] }), makeSnapshot({ agents: [makeAgent([bad])] }))).toBe(
      'unknown_agent',
    )
  })

  test('is told apart by nested claims', async () => {
    const nested: AgentRule = { trust_source: 'source-ci', claims: { sub, 'kubernetes.io.pod.name': 'app-*' } }
    const exact: AgentRule = { trust_source: 'source-ci', claims: { sub, 'kubernetes.io.pod.name': 'app-1' } }
    const token = await sign({ 'kubernetes.io': { pod: { name: 'app-1' } } })
    expect(await reasonOf(token, makeSnapshot({ agents: [makeAgent([exact])] }))).toBeUndefined()
    await expect(verify(token, makeSnapshot({ agents: [makeAgent([nested])] })), 'a star is a whole segment').rejects.toThrow(
      TypeError,
    )
  })
})

describe('trust sources', () => {
  test('of one issuer are told apart by their audience, and each speaks for its own agents only', async () => {
    const second = openIdSource({ id: 'source-second', audience: 'https://second.example' })
    const other = makeAgent([{ trust_source: 'source-second', claims: { sub } }])
    const snapshot = makeSnapshot({ sources: [openIdSource(), second], agents: [agent, other] })
    const first = await verify(await sign(), snapshot)
    expect(first.ok && first.subject.agent).toBe(agent)
    const result = await verify(await sign({ aud: 'https://second.example' }), snapshot)
    expect(result.ok && result.subject.agent).toBe(other)
  })

  test('that are certificate authorities vouch for no token', async () => {
    const source = { ...x509Source('source-ci'), issuer } as never
    expect(await reasonOf(await sign(), makeSnapshot({ sources: [source], agents: [agent] }))).toBe('unknown_issuer')
  })

  test('whose keys cannot be had are an answer to come back later', async () => {
    ;({ verify } = newVerifier(async () => Promise.reject(new Error('unreachable'))))
    await expect(verify(await sign())).rejects.toMatchObject({ code: 'trust_source_unavailable' })
  })
})

describe('instances and tasks', () => {
  const withSettings = (settings: Parameters<typeof makeAgent>[2]) => makeSnapshot({ agents: [makeAgent([rule], {}, settings)] })
  const subjectOf = async (change: Record<string, unknown>, settings: Parameters<typeof makeAgent>[2]) => {
    const result = await verify(await sign(change), withSettings(settings))
    if (!result.ok) throw new Error(result.reason)
    return result.subject
  }

  test('are told apart by the instance claims, a missing one included', async () => {
    const settings = { instance_claims: ['run_id'] }
    const openers = [{ run_id: '1' }, { run_id: '2' }, {}, { run_id: 'null' }].map(
      async change => (await subjectOf(change, settings)).opener,
    )
    expect(new Set(await Promise.all(openers)).size).toBe(4)
  })

  test('share an opener when the registration names no instance claims', async () => {
    expect((await subjectOf({ run_id: '1' }, {})).opener).toBe((await subjectOf({ run_id: '2' }, {})).opener)
  })

  test('have a derived task only when every task claim is there', async () => {
    const settings = { task_claims: ['run_id', 'attempt'] }
    const [a, b, c] = [
      await subjectOf({ run_id: '1', attempt: 1 }, settings),
      await subjectOf({ run_id: '1', attempt: 2 }, settings),
      await subjectOf({ run_id: '1' }, settings),
    ]
    expect(a.derivedTaskId).toMatch(/^run_[0-9a-f]{32}$/)
    expect(b.derivedTaskId).not.toBe(a.derivedTaskId)
    expect(c.derivedTaskId).toBeUndefined()
  })

  test('carry the certificate that the token is bound to', async () => {
    expect((await subjectOf({ cnf: { 'x5t#S256': 'abc' } }, {})).boundKey).toEqual({ kind: 'x5t#S256', thumbprint: 'abc' })
  })
})
