import { chmodSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { writeDevFile } from './dev-file.ts'
import { environmentOf, usePerson } from './use-cli.ts'

const broker = useBroker()
const person = usePerson()

const flags = (runId: string) => {
  const { running } = broker
  return [
    'token',
    ...['--resource', resourceUri, '--scope', 'orders:read'],
    ...['--subject-token-file', person.file(`${runId}.jwt`, running.mint({ runId }))],
    ...['--cert', person.file('agent.pem', running.certificate.chainPem)],
    ...['--key', person.file('agent.key', running.certificate.keyPem)],
  ]
}
const env = () => environmentOf(broker, person)

describe('mayfly token', () => {
  test('prints a token that is bound to the certificate, and nothing else', async () => {
    const { code, out, err } = await person.mayfly(flags('a'), { env: env() })
    expect([code, err]).toEqual([0, ''])
    const claims = decodeJwt(out.trim())
    expect(claims).toMatchObject({ aud: resourceUri, scope: 'orders:read', cnf: { 'x5t#S256': expect.any(String) } })
  })

  test('opens the task that is named, lives as long as asked, and answers one JSON document', async () => {
    const answer = (await person.mayfly([...flags('b'), '--task-id', 'task-b', '--ttl', '1m', '--json'], { env: env() })).json()
    expect(answer).toMatchObject({ task_id: 'task-b', token_type: 'Bearer', scope: 'orders:read' })
    const { exp, iat } = decodeJwt(answer.access_token)
    expect(exp! - iat!).toBe(60)
  })

  test('asks for details as they are given', async () => {
    const details = [{ type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/42' }]
    const words = flags('c').filter((word, at, all) => word !== '--scope' && all[at - 1] !== '--scope')
    const inline = await person.mayfly([...words, '--details', JSON.stringify(details)], { env: env() })
    expect(decodeJwt(inline.out.trim())['authorization_details']).toEqual(details)
    const file = person.file('details.json', JSON.stringify(details))
    expect((await person.mayfly([...words, '--details', `@${file}`], { env: env() })).code).toBe(0)
    expect((await person.mayfly([...words, '--details', '{}'], { env: env() })).code).toBe(2)
  })

  test('writes the token to a file that only its owner reads, and does not show it', async () => {
    const { code, out } = await person.mayfly([...flags('d'), '--out', 'task-token'], { env: env() })
    expect(code).toBe(0)
    expect(statSync(`${person.home}/task-token`).mode & 0o777).toBe(0o600)
    const token = readFileSync(`${person.home}/task-token`, 'utf8').trim()
    expect(decodeJwt(token)['aud']).toBe(resourceUri)
    expect(out).not.toContain(token)
  })

  test('keeps the file fresh with --watch, in the same account, until it is stopped', async () => {
    const stop = new AbortController()
    const told: string[] = []
    const watching = person.mayfly([...flags('e'), '--ttl', '5s', '--out', 'fresh', '--watch', '--json'], {
      env: env(),
      signal: stop.signal,
      out: text => void told.push(text),
    })
    while (told.length < 2) await delay(50)
    stop.abort()
    expect((await watching).code).toBe(0)
    const [first, second] = told.map(line => JSON.parse(line))
    expect(second.account_id).toBe(first.account_id)
    expect(second.expires_at > first.expires_at).toBe(true)
    expect(told.join('')).not.toMatch(/claim_uri|eyJ/)
  }, 20_000)

  test('needs no flags at the development broker, and says on stderr which broker that is', async () => {
    const path = writeDevFile(broker, person)
    const { code, out, err } = await person.mayfly(['token'])
    expect(code).toBe(0)
    expect(decodeJwt(out.trim())).toMatchObject({ aud: resourceUri, scope: 'orders:read' })
    expect(err).toBe(`The development broker at ${broker.running.issuer} (${path}).\n`)
  })

  test('takes no development file that others may write or that points elsewhere', async () => {
    const path = writeDevFile(broker, person)
    chmodSync(path, 0o644)
    expect((await person.mayfly(['token'])).err).toContain('chmod 600')
    chmodSync(path, 0o600)
    writeDevFile(broker, person, { publicUrl: 'https://broker.example', issuer: 'https://broker.example' })
    expect((await person.mayfly(['token'])).err).toContain('No broker is known')
  })
})

describe('a refusal', () => {
  test.each([
    ['a scope beyond the ceiling', ['--scope', 'orders:write'], 'invalid_scope', 'ceiling'],
    ['another API', ['--resource', 'https://other.example/'], 'invalid_target', 'mayfly resources list'],
    ['a junk token', ['--subject-token-command', 'echo eyJhbGciOiJub25lIn0.e30.'], 'invalid_request', 'mayfly explain'],
  ])('of %s says what to do, and never holds the token', async (_, more, error, next) => {
    const words = flags('f').filter(
      (word, at, all) => !(more[0] === '--subject-token-command' && /subject-token-file/.test(`${word} ${all[at - 1]}`)),
    )
    const replaced = words.filter((word, at, all) => word !== more[0] && all[at - 1] !== more[0])
    const { code, out, err } = await person.mayfly([...replaced, ...more], { env: env() })
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(error)
    expect(err).toContain(next)
    expect(err).not.toMatch(/eyJ/)
  })

  test.each([
    ['no credential', ['token', '--resource', resourceUri], 'What proves which workload'],
    ['half a certificate', ['token', '--resource', resourceUri, '--cert', 'a.pem'], '--cert'],
    ['no API', ['token'], 'needs --resource'],
    ['watching without a file', ['token', '--watch'], '--out'],
  ])('of %s comes before anything is sent', async (_, words, told) => {
    person.file('a.pem', 'x')
    const { code, err } = await person.mayfly(words, { env: env() })
    expect([code, err]).toMatchObject([2, expect.stringContaining(told)])
  })

  test('a failing command is told by its exit code, not by what it printed', async () => {
    const words = ['token', '--resource', resourceUri, '--subject-token-command', 'echo topsecret; echo why >&2; exit 3']
    const { code, err } = await person.mayfly(words, { env: env() })
    expect([code, err]).toMatchObject([1, expect.stringMatching(/exit code 3[\s\S]*why/)])
    expect(err).not.toContain('topsecret')
  })
})
