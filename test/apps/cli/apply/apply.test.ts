import { beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
const mayfly = (words: readonly string[], token?: string) => person.mayfly(words, { env: environmentOf(broker, person, token) })
const apply = (text: string, ...flags: string[]) => mayfly(['apply', '-f', person.file('mayfly.yaml', text), ...flags])
const summary = (ran: { json(): { steps: { action: string; name: string; result?: string }[] } }) =>
  ran.json().steps.map(({ action, name, result }) => [action, name, ...(result ? [result] : [])])

const base = `version: 1
trust_sources:
  - {kind: openid, name: github, preset: github}
  - {kind: openid, name: own-ci, issuer: 'https://ci.example', audience: mayfly, algorithms: [RS256]}
  - {kind: pinned, name: laptops}
  - {kind: spiffe, name: mesh, trust_domain: prod.example, bundle_url: 'https://spire.prod.example/bundle'}
  - {kind: did, name: partners, methods: ['did:web', 'did:key']}
resources:
  - uri: https://api.example.com/invoices
    name: Invoices
    scopes:
      - {name: 'invoices:write', description: Write}
      - {name: 'invoices:read', description: Read}
    details_types: [agent_http]
    enforces: [rar, cnf]
`
const agents = (ttl: number) => `agents:
  - name: biller
    owner: finance
    review_on: 2030-01-31
    rules:
      - trust_source: github
        claims: {sub: 'repo:example/billing:ref:refs/heads/main'}
      - trust_source: mesh
        spiffe_id: spiffe://prod.example/billing
    ceiling:
      scope: invoices:write invoices:read
      authorization_details:
        - type: agent_http
          locations: ['https://api.example.com/invoices']
          methods: [POST, GET, POST]
          uri_template: /invoices/{id}
    settings: {token_ttl_seconds: ${ttl}}
`

describe('mayfly apply', () => {
  test('shows a plan and changes nothing with --dry-run', async () => {
    const { code, out, err } = await apply(base + agents(300), '--dry-run')
    // Whatever takes longer than a second says that it goes on.
    expect([code, err.replace('Reading what is registered …\n', '')]).toEqual([0, ''])
    expect(out).toContain('+ agent biller')
    expect(out).toContain('7 to create, 0 to change, 0 to delete')
    expect((await mayfly(['agents', 'get', 'biller'])).code).toBe(1)
  })

  test('asks, and changes nothing where nobody can be asked', async () => {
    const { code, err } = await apply(base + agents(300))
    expect([code, err]).toMatchObject([2, expect.stringContaining('Add --yes')])
    expect((await mayfly(['agents', 'get', 'biller'])).code).toBe(1)
  })

  test('registers what refers to each other in order, and finds nothing to do the second time', async () => {
    const first = await apply(base + agents(300), '--yes', '--json')
    expect([first.code, first.err]).toEqual([0, ''])
    expect(summary(first).at(-1)).toEqual(['create', 'biller', 'done'])
    const second = await apply(base + agents(300), '--yes', '--json')
    expect([second.code, second.json()]).toEqual([0, { steps: [], unchanged: 7, applied: false }])
  })

  test('changes only what differs, and says how', async () => {
    const { out } = await apply(base + agents(120), '--yes')
    expect(out).toMatch(/~ agent biller\n\s+settings.token_ttl_seconds: 300 → 120\n0 to create, 1 to change/)
    expect(out).toContain('agent biller: changed')
    expect((await mayfly(['agents', 'get', 'biller', '--json'])).json().settings.token_ttl_seconds).toBe(120)
  })

  test('sees what was taken out of a thing', async () => {
    const { out } = await apply(base.replace(', audience: mayfly', ''), '--dry-run')
    expect(out).toContain(`audience: "mayfly" → "${broker.running.issuer}"`)
  })

  test('deletes only when told to, what needs others first, and nothing of a section that is left out', async () => {
    const only = 'version: 1\nagents: []\ntrust_sources: [{kind: pinned, name: laptops}]\n'
    expect((await apply(only, '--yes', '--json')).json()).toMatchObject({ steps: [], unchanged: 1 })
    const plan = summary(await apply(only, '--prune', '--dry-run', '--json'))
    expect(plan.slice(0, 3).map(([action]) => action)).toEqual(['delete', 'delete', 'delete'])
    expect(plan.map(([, name]) => name).sort()).toEqual([
      'agent',
      'bearer-agent',
      'biller',
      'ca',
      'ci',
      'github',
      'mesh',
      'own-ci',
      'partners',
    ])
    expect(plan.map(([, name]) => name).indexOf('biller')).toBeLessThan(plan.map(([, name]) => name).indexOf('github'))
    const ran = await apply('version: 1\nagents: []\n', '--prune', '--yes', '--json')
    expect(summary(ran)).toContainEqual(['delete', 'biller', 'done'])
    expect((await mayfly(['resources', 'get', 'https://api.example.com/invoices'])).code).toBe(0)
  })

  test('names everything that is wrong with a file before it does anything', async () => {
    const { code, err } = await apply(`version: 2
agents:
  - {name: a, ceiling: {}, rules: [], owner: x}
  - {name: a, ceiling: {}, rules: [{trust_source: nowhere}], owner: x, review_on: soon}
trust_sources:
  - {kind: magic, name: b}
  - {kind: pinned, name: c, colour: red}
polices: []
`)
    expect(code).toBe(1)
    for (const told of [
      'version',
      'agents/0 (a)',
      'review_on',
      'twice',
      'trust_sources/0 (b)/kind',
      'colour',
      'polices',
      'Nothing was changed',
    ])
      expect(err).toContain(told)
  })

  test('says which trust source is not there', async () => {
    const { code, err } = await apply(`version: 1\n${agents(300).replace('trust_source: mesh', 'trust_source: mess')}`, '--yes')
    expect([code, err]).toMatchObject([1, expect.stringContaining('The agent "biller" refers to the trust source "mess"')])
  })

  test('that stops half-way says what is done, and goes on from there', async () => {
    const half = (uri: string) => `version: 1
resources:
  - {uri: 'https://one.example/api', name: One, scopes: [{name: a, description: A}], enforces: [cnf]}
  - {uri: '${uri}', name: Two, scopes: [{name: a, description: A}], enforces: [cnf]}
  - {uri: 'https://three.example/api', name: Three, scopes: [{name: a, description: A}], enforces: [cnf]}
`
    const stopped = await apply(half('http://two.example/#x'), '--yes')
    expect(stopped.code).toBe(1)
    expect(stopped.out).toMatch(/one.example.api: created[\s\S]*: FAILED[\s\S]*three.example.api: not come to/)
    expect(stopped.err).toMatch(/could not be created: stopped. 1 of 3 done[\s\S]*apply it again/)
    const again = await apply(half('https://two.example/api'), '--yes', '--json')
    expect([summary(again).map(([, name]) => name), again.json().unchanged]).toEqual([
      ['https://two.example/api', 'https://three.example/api'],
      1,
    ])
  })
})

describe('as a platform-admin', () => {
  test('makes tenants, never changes them, and is told that the rest is not its own', async () => {
    const file = person.file('all.yaml', `version: 1\ntenants: [{slug: other, name: Other}]\ntrust_sources: []\n`)
    const platform = broker.running.platformToken
    expect(await mayfly(['apply', '-f', file, '--yes'], platform)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--only tenants'),
    })
    expect((await mayfly(['apply', '-f', file, '--yes', '--only', 'tenants', '--json'], platform)).json().steps).toMatchObject([
      { name: 'other', result: 'done' },
    ])
    const renamed = person.file('renamed.yaml', 'version: 1\ntenants: [{slug: other, name: Another}]\n')
    expect((await mayfly(['apply', '-f', renamed, '--yes'], platform)).out).toContain('cannot be changed: name')
  })
})

describe('where two people are wanted', () => {
  const file = `version: 1
trust_sources: [{kind: pinned, name: phones}]
resources: [{uri: 'https://four.example/api', name: Four, scopes: [{name: a, description: A}], enforces: [cnf]}]
agents:
  - {name: caller, owner: o, review_on: 2030-01-31, rules: [{trust_source: phones, certificate_thumbprint: ${'A'.repeat(43)}}], ceiling: {scope: a}}
`
  beforeAll(async () => {
    const rule = `version: 1
sign_in_providers:
  - {name: login, issuer: 'https://login.example', client_id: mayfly, groups_claim: groups, rules: [{group: a, role: auditor}]}
two_person: [trust]
`
    expect(summary(await apply(rule, '--yes', '--json'))).toEqual([
      ['create', 'login', 'done'],
      ['update', 'of the tenant', 'done'],
    ])
  })

  test('what waits is named, what needs it is left for later, and nothing is proposed twice', async () => {
    const first = await apply(file, '--yes', '--json')
    expect(first.code).toBe(0)
    expect(summary(first)).toEqual([
      ['create', 'phones', 'waiting'],
      ['create', 'https://four.example/api', 'done'],
      ['create', 'caller', 'blocked'],
    ])
    expect(first.err).toContain('wait for a second person')
    const { change } = first.json().steps[0]
    const second = await apply(file, '--yes', '--json')
    expect(second.json().steps[0]).toMatchObject({ result: 'waiting', change })
    const letThrough = async (id: string) =>
      expect((await mayfly(['changes', 'break-glass', id, '--reason', 'test', '--yes'])).code).toBe(0)
    await letThrough(change)
    // Who is taken for an agent stands in its rules, so it waits as well.
    const third = await apply(file, '--yes', '--json')
    expect(summary(third)).toEqual([['create', 'caller', 'waiting']])
    await letThrough(third.json().steps[0].change)
    expect((await apply(file, '--yes', '--json')).json().steps).toEqual([])
  })
})
