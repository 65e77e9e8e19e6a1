import { describe, expect, test } from 'vitest'
import { newId } from '#core/ids/id.ts'
import { newSecret } from '#core/ids/secret.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from './use-cli.ts'

const broker = useBroker()
const person = usePerson()
const explain = (text: string, flags: readonly string[] = [], env: Record<string, string> = environmentOf(broker, person)) =>
  person.mayfly(['explain', '-', ...flags], { env, readInput: async () => `${text}\n` })
const taskToken = async (): Promise<string> => {
  const { body } = await broker.running.token(broker.running.form(), broker.running.certificate)
  return body.access_token
}
/** The same token with one claim changed and the old signature. */
function forge(token: string, claims: object): string {
  const [header, body, signature] = token.split('.')
  const changed = { ...JSON.parse(Buffer.from(body!, 'base64url').toString()), ...claims }
  return `${header}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${signature}`
}

describe('a task token', () => {
  test('is explained: what it may, for whom, until when, bound to what, why, its receipt; its signature verified', async () => {
    const { code, out } = await explain(await taskToken())
    expect(code).toBe(0)
    for (const told of [
      /^Task token/,
      /Signature +verified/,
      /Valid +until .* left/,
      /May +orders:read/,
      /Bound to +the client cert/,
    ])
      expect(out).toMatch(told)
    expect(out).toMatch(/Agent is +agent; team@test\.example answers/)
    expect(out).toMatch(/Scopes +orders:read: Read orders/)
    expect(out).toMatch(/Receipt +\S{43} \(hash of its leaf/)
  })

  test('that opens a child account is told as that: for whom, and what at most', async () => {
    const { running } = broker
    const sub = running.ids.bearerAgent
    const form = running.form({ resource: running.issuer, may_act: sub, task_id: 'delegating' })
    const { body } = await running.token(form, running.certificate)
    const { code, out } = await explain(body.access_token)
    expect(code).toBe(0)
    for (const told of [/^Delegation token/, /Signature +verified/, /Which may at most +orders:read/]) expect(out).toMatch(told)
    expect(out).toContain(`one account below, for ${sub} and nobody else`)
    expect(out).not.toContain('whoever has it can use it')
  })

  test('that was changed is told to be wrong, with exit code 1', async () => {
    const { code, out, err } = await explain(forge(await taskToken(), { scope: 'orders:write' }))
    expect([code, err]).toMatchObject([1, expect.stringContaining('Its signature is wrong')])
    expect(out).toMatch(/Signature +wrong/)
  })

  test('is explained offline, and then clearly not verified', async () => {
    const token = forge(await taskToken(), { exp: 1 })
    const offline = await explain(token, ['--offline'])
    expect([offline.code, offline.out]).toMatchObject([0, expect.stringMatching(/Signature +not verified[\s\S]*Valid +ENDED/)])
    const unknown = await explain(token, [], {})
    expect(unknown.out).toMatch(/not verified\. No broker is known here/)
  })

  test('is one JSON document with --json, and is found inside the answer of mayfly token --json', async () => {
    const token = await taskToken()
    const answer = (await explain(JSON.stringify({ access_token: token }), ['--json'])).json()
    expect(answer).toMatchObject({ kind: 'task token', signature: 'verified', claims: { scope: 'orders:read' } })
  })

  test('of a broker that is not in use sends nothing anywhere', async () => {
    const seen = broker.running.idp.requests.length
    const token = forge(await taskToken(), { iss: broker.running.idp.issuer })
    const env = { ...environmentOf(broker, person), MAYFLY_TOKEN: '' }
    const { code, out } = await explain(token, [], env)
    expect([code, out]).toMatchObject([0, expect.stringMatching(/not verified\. .* is neither the broker in use/)])
    expect(broker.running.idp.requests.length).toBe(seen)
  })

  test('cannot steer the terminal', async () => {
    const { out } = await explain(forge(await taskToken(), { task_id: 'x\u001b]0;owned\u0007\u202e' }), ['--offline'])
    expect(out).toContain('x\\u001b]0;owned\\u0007\\u202e')
    expect(out).not.toMatch(/[\u0007\u001b\u202e]/)
  })
})

describe('the token of a workload', () => {
  test('is held against the trust source that has its issuer', async () => {
    const { code, out } = await explain(broker.running.mint())
    expect(code).toBe(0)
    expect(out).toMatch(/Signature +verified\. By .*, the trust source ci/)
    expect(out).toMatch(/As wanted +its audience is the one/)
    expect(out).toMatch(/Agents +agent where \{"sub":"workload"\}/)
    expect((await explain(broker.running.mint({ aud: 'https://elsewhere.example' }))).out).toMatch(/As wanted +NO/)
  })

  test('is verified with the keys of an issuer that the person names, and of no other', async () => {
    const env = { ...environmentOf(broker, person), MAYFLY_TOKEN: '' }
    const { issuer } = broker.running.idp
    expect((await explain(broker.running.mint(), ['--issuer', issuer], env)).out).toMatch(/verified\. By .*that you named/)
    expect((await explain(broker.running.mint(), ['--issuer', 'https://other.example'], env)).out).toMatch(/not verified/)
  })
})

describe('what is no token', () => {
  test('a certificate is explained with names and thumbprint', async () => {
    const { code, out } = await explain(broker.running.certificate.chainPem)
    expect(code).toBe(0)
    expect(out).toMatch(/SPIFFE ID +spiffe:\/\/test\.example\/agent/)
    expect(out).toMatch(/Thumbprint +[\w-]{43} /)
  })

  test('a secret is named by its prefix, checked, and not repeated', async () => {
    const secret = newSecret('join')
    const { code, out, err } = await explain(secret)
    expect([code, out]).toMatchObject([0, expect.stringMatching(/^Join token[\s\S]*checksum fits/)])
    expect(out + err).not.toContain(secret)
    expect((await explain(`${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`)).out).toContain('mistyped')
  })

  test('an id is named, with the command that shows it', async () => {
    const id = newId('agent')
    expect((await explain(id)).out).toContain(`mayfly agents get ${id}`)
  })

  test.each([['junk'], [''], ['a.b.c'], ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']])(
    '%j fails with a reason',
    async text => {
      const { code, err } = await explain(text)
      expect([code, err]).toMatchObject([1, expect.stringContaining('Why:')])
      expect(err).not.toMatch(/\n\s+at /)
    },
  )
})
