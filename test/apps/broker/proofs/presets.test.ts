// Trust sources by preset through a real broker: tokens as GitHub, GitLab and Kubernetes mint them, keys fetched over HTTPS
// under a private CA.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { type CiIssuer, githubClaims, gitlabClaims, kubernetesClaims, startCiIssuer } from './ci-issuers.ts'

const broker = useBroker()
const audience = 'https://mayfly.test.example'
const issuers = {} as Record<'github' | 'gitlab' | 'kubernetes', CiIssuer>
const sources = {} as Record<keyof typeof issuers, string>
beforeAll(async () => {
  const paths = { github: '/.well-known/jwks', gitlab: '/oauth/discovery/keys', kubernetes: '/openid/v1/jwks' }
  for (const preset of ['github', 'gitlab', 'kubernetes'] as const) {
    issuers[preset] = await startCiIssuer(broker.running.ca, paths[preset])
    const { status, body, text } = await registerSource({ preset })
    if (status !== 201) throw new Error(text)
    sources[preset] = body.id
  }
})
afterAll(() => Promise.all(Object.values(issuers).map(issuer => issuer.close())))

const registerSource = (body: Record<string, unknown> & { preset: keyof typeof issuers }) =>
  broker.running.v1('POST', '/v1/trust-sources', {
    kind: 'openid',
    name: randomUUID(),
    issuer: issuers[body.preset].issuer,
    audience,
    ca_pem: broker.running.ca.certificatePem,
    ...body,
  })

const registerAgent = (rules: object[], settings: object = {}) =>
  broker.running.v1('POST', '/v1/agents', {
    name: randomUUID(),
    owner: 'team',
    review_on: '2099-01-01',
    rules,
    ceiling: { scope: 'orders:read' },
    settings: { binding: 'bearer', ...settings },
  })

const ask = (token: string, more: Record<string, string | undefined> = {}) =>
  broker.running.token(broker.running.form({ resource: resourceUri, subject_token: token, ...more }))

const cases = [
  {
    preset: 'github',
    claims: { sub: 'repo:octo-org/octo-repo:ref:refs/heads/main', repository_owner_id: '65' },
    run: ['run_id', 'run_attempt'],
    first: githubClaims(),
    otherRuns: [githubClaims({ run_id: '1000002' }), githubClaims({ run_attempt: '2' })],
    strangers: [
      githubClaims({ sub: 'repo:octo-org-evil/octo-repo:ref:refs/heads/main' }),
      githubClaims({ sub: 'repo:octo-org/octo-repo:pull_request' }),
      // The name was given up, and somebody else took it.
      githubClaims({ repository_owner_id: '66' }),
    ],
  },
  {
    preset: 'gitlab',
    claims: { sub: 'project_path:my-group/my-project:ref_type:branch:ref:main', ref_protected: 'true' },
    run: ['pipeline_id', 'job_id'],
    first: gitlabClaims(),
    otherRuns: [gitlabClaims({ job_id: '303' }), gitlabClaims({ pipeline_id: '575' })],
    strangers: [
      gitlabClaims({ sub: 'project_path:my-group/other:ref_type:branch:ref:main' }),
      gitlabClaims({ sub: 'project_path:my-group/my-project:ref_type:tag:ref:main' }),
      gitlabClaims({ ref_protected: 'false' }),
    ],
  },
  {
    preset: 'kubernetes',
    claims: { sub: 'system:serviceaccount:agents:reporter' },
    run: ['kubernetes.io.pod.uid'],
    first: kubernetesClaims('11111111-0000-4000-8000-000000000000'),
    otherRuns: [kubernetesClaims('22222222-0000-4000-8000-000000000000')],
    strangers: [
      kubernetesClaims('1', { sub: 'system:serviceaccount:other:reporter' }),
      kubernetesClaims('1', { sub: 'system:serviceaccount:agents:admin' }),
      kubernetesClaims('1', { sub: 'system:node:node-1' }),
    ],
  },
] as const

describe.each(cases)('$preset', ({ preset, claims, run, first, otherRuns, strangers }) => {
  let agent: string
  beforeAll(async () => {
    const { status, body, text } = await registerAgent([{ trust_source: sources[preset], claims }])
    if (status !== 201) throw new Error(text)
    agent = body.id
    expect(body.settings).toMatchObject({ task_claims: run, instance_claims: run })
  })
  const sign = (of: Record<string, unknown>, change: object = {}) => issuers[preset].sign({ aud: [audience], ...of, ...change })

  test('a run gets in with its token alone, and stays in its account', async () => {
    const answers = [await ask(await sign(first)), await ask(await sign(first))]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers[1]!.body.account_id).toBe(answers[0]!.body.account_id)
  })

  test('another run has another account, and no way into the first one’s (row 36)', async () => {
    const { body } = await ask(await sign(first))
    for (const other of otherRuns) {
      const token = await sign(other)
      expect((await ask(token)).body.account_id).not.toBe(body.account_id)
      for (const named of [{ task_id: body.task_id }, { account_id: body.account_id }])
        expect((await ask(await sign(other), named)).body.error).toBe('access_denied')
    }
  })

  test('a token of somebody else at the same issuer is refused', async () => {
    for (const stranger of strangers) {
      const { status, body } = await ask(await sign(stranger))
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
  })

  test.each([
    ['for another audience', { aud: 'https://other.example' }],
    ['for the issuer’s own services', { aud: ['https://kubernetes.default.svc'] }],
    ['for us and others', { aud: [audience, 'https://other.example'] }],
    ['that has ended', { exp: 1 }],
    ['that is a day old', { iat: Math.floor(Date.now() / 1000) - 86_400, exp: Math.floor(Date.now() / 1000) + 300 }],
  ])('a token %s is refused', async (_, change) => {
    expect((await ask(await sign(first, change))).body.error).toBe('invalid_request')
  })

  test('what an agent names itself counts more than the preset', async () => {
    const own = { task_claims: ['jti'], instance_claims: [] }
    const { body } = await registerAgent([{ trust_source: sources[preset], claims }], own)
    expect(body.settings).toMatchObject(own)
    await broker.running.v1('DELETE', `/v1/agents/${body.id}`)
    expect((await broker.running.v1('GET', `/v1/agents/${agent}`)).body.settings.task_claims).toEqual(run)
  })

  test('keys were found by discovery, once', () => {
    expect(issuers[preset].requests).toHaveLength(2)
  })
})

describe('registration', () => {
  const faultsOf = ({ body }: { body: { errors?: { pointer: string }[] } }) => body.errors?.map(({ pointer }) => pointer)

  test('a public issuer need not be written out', async () => {
    const github = await registerSource({ preset: 'github', issuer: undefined, ca_pem: undefined })
    expect(github.body).toMatchObject({
      issuer: 'https://token.actions.githubusercontent.com',
      algorithms: ['RS256'],
      max_age_seconds: 900,
      preset: 'github',
    })
    const gitlab = await registerSource({ preset: 'gitlab', issuer: undefined, ca_pem: undefined })
    expect(gitlab.body.issuer).toBe('https://gitlab.com')
    expect(faultsOf(await registerSource({ preset: 'kubernetes', issuer: undefined }))).toEqual(['/issuer'])
  })

  test.each([
    ['github', 'https://github.com/octo-org'],
    ['gitlab', 'https://gitlab.example'],
    ['gitlab', 'gitlab.example'],
    ['kubernetes', 'https://gitlab.example'],
    ['kubernetes', 'https://kubernetes.default.svc.prod.example'],
  ] as const)('%s: the audience %s is shared by many', async (preset, shared) => {
    const answer = await registerSource({ preset, issuer: 'https://gitlab.example', audience: shared })
    expect(faultsOf(answer)).toEqual(['/audience'])
  })

  test.each([
    ['github', { sub: '*' }],
    ['github', { sub: 'repo:*/*:ref:refs/heads/main' }],
    ['github', { sub: 'repo:*/octo-repo:**' }],
    ['github', { sub: 'repo:*/*:**', repository: '*/octo-repo' }],
    ['gitlab', { sub: 'project_path:*/my-project:ref_type:branch:ref:main' }],
    ['kubernetes', { sub: 'system:serviceaccount:*:reporter' }],
    ['kubernetes', { sub: 'system:serviceaccount:*:*', 'kubernetes.io.serviceaccount.name': 'reporter' }],
  ] as const)('%s: a rule that leaves open whose workload it is is refused: %j', async (preset, claims) => {
    const answer = await registerAgent([{ trust_source: sources[preset], claims }])
    expect(answer.status).toBe(400)
    expect(faultsOf(answer)!.every(pointer => pointer.startsWith('/rules/0/claims'))).toBe(true)
  })

  test.each([
    ['github', { sub: 'repo:*/*:ref:refs/heads/main', repository_owner_id: '65' }],
    ['github', { sub: 'repo:octo-org/*:**' }],
    ['gitlab', { sub: 'project_path:**', project_id: '20' }],
    ['kubernetes', { sub: 'system:serviceaccount:agents:*' }],
  ] as const)('%s: a rule that names them in another way is taken: %j', async (preset, claims) => {
    const answer = await registerAgent([{ trust_source: sources[preset], claims }])
    expect([answer.status, answer.text]).toEqual([201, expect.anything()])
    await broker.running.v1('DELETE', `/v1/agents/${answer.body.id}`)
  })

  test('an agent of two presets derives no task, and is told apart by the claims of both', async () => {
    const { body } = await registerAgent([
      { trust_source: sources.gitlab, claims: { sub: 'project_path:a/b:**' } },
      { trust_source: sources.kubernetes, claims: { sub: 'system:serviceaccount:b:a' } },
    ])
    expect(body.settings).toMatchObject({
      task_claims: [],
      instance_claims: ['pipeline_id', 'job_id', 'kubernetes.io.pod.uid'],
    })
  })

  test('an issuer of workloads sends no users’ assertions', async () => {
    expect(faultsOf(await registerSource({ preset: 'github', audience: 'other', id_jag: true }))).toEqual(['/id_jag'])
  })
})
