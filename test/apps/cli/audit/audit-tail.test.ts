import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { environmentOf, usePerson } from '#test/apps/cli/use-cli.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const person = usePerson()
const tail = (words: readonly string[], changes = {}) =>
  person.mayfly(['audit', 'tail', ...words], { env: environmentOf(broker, person), ...changes })
const linesOf = (out: string) =>
  out
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

describe('mayfly audit tail', () => {
  test('shows what has just happened, a line for each', async () => {
    const { code, out } = await tail([])
    expect(code).toBe(0)
    expect(out).toMatch(/agent\.created/)
    expect(out.split('\n').filter(line => line.includes('resource.created'))).toHaveLength(2)
  })

  test('goes on for a program where it was, with nothing left out, across restarts', async () => {
    const words = ['--json', '--after', 'start', '--cursor-file', 'siem.cursor']
    const first = linesOf((await tail(words)).out)
    expect(first.length).toBeGreaterThan(5)
    await broker.running.v1('POST', '/v1/webhooks', { name: 'one', url: 'https://hooks.example/', events: ['account.claimed'] })
    const second = linesOf((await tail(words)).out)
    expect(second.map(({ type }) => type)).toContain('webhook.created')
    expect(second[0].position).toBeGreaterThan(first.at(-1).position)
    expect(readFileSync(join(person.home, 'siem.cursor'), 'utf8')).toMatch(/^[\w-]+\n$/)
    // That somebody followed the log is an entry like any other.
    const third = linesOf((await tail(words)).out)
    expect(third.filter(({ type }) => !type.startsWith('audit_stream.'))).toEqual([])
  })

  test('tells a SIEM of the same entries as OCSF, as the list does, by the one mapping there is', async () => {
    const entries = linesOf((await tail(['--json', '--after', 'start', '--type', 'agent.*'])).out).filter(line => line.id)
    const events = linesOf((await tail(['--format', 'ocsf', '--after', 'start', '--type', 'agent.*'])).out)
    expect(events.length).toBeGreaterThan(0)
    expect(events.map(({ metadata }) => [metadata.sequence, metadata.event_code])).toEqual(
      entries.map(({ position, type }) => [position, type]),
    )
    for (const event of events) expect(event).toMatchObject({ class_uid: expect.any(Number), metadata: { version: '1.6.0' } })
    const words = ['audit', 'list', '--format', 'ocsf', '--oldest', '--type', 'agent.*']
    for (const more of [['--all'], ['--limit', '200']]) {
      const listed = await person.mayfly([...words, ...more], { env: environmentOf(broker, person) })
      expect([listed.code, linesOf(listed.out)], listed.err).toEqual([0, events])
    }
    const opened = await person.mayfly([...words, '--private'], { env: environmentOf(broker, person) })
    expect([opened.code, opened.err]).toEqual([1, expect.stringContaining('leave out private')])
  })

  test('follows until it is stopped, and shows only what is asked for', async () => {
    const stopping = new AbortController()
    let out = ''
    const running = tail(['-f', '--json', '--from', '1s', '--type', 'webhook.*'], {
      signal: stopping.signal,
      out: (text: string) => {
        out += text
      },
    })
    await broker.running.v1('POST', '/v1/webhooks', { name: 'two', url: 'https://hooks.example/', events: ['account.claimed'] })
    await vi.waitFor(() => expect(linesOf(out).map(({ type }) => type)).toContain('webhook.created'))
    stopping.abort()
    expect((await running).code).toBe(0)
    expect(new Set(linesOf(out).map(({ type }) => type))).toEqual(new Set(['webhook.created']))
  })

  test.each([
    ['a cursor that is none', ['--after', 'nonsense'], 'invalid_cursor'],
    ['two places to begin', ['--after', 'start', '--from', '1h'], '--from'],
    ['a word that is none', ['--decision', 'perhaps'], 'decision'],
  ])('says what is wrong with %s', async (_, words, said) => {
    const { code, err } = await tail(words)
    expect(code).toBeGreaterThan(0)
    expect(err).toContain(said)
  })
})

describe('a stream with a gap', () => {
  test('is refused, and one that breaks goes on behind its last line', async () => {
    const ca = await createDevCa({ now: new Date() })
    const certificate = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now: new Date() })
    const asked: string[] = []
    const line = (after: number, position: number) =>
      `${JSON.stringify({ position, after, cursor: `c${position}`, time: '2026-11-23T10:00:00.000Z', type: 'account.revoked', facts: {} })}\n`
    const server = createServer({ cert: certificate.chainPem, key: certificate.keyPem }, (incoming, outgoing) => {
      asked.push(new URL(incoming.url!, 'https://x').searchParams.get('after') ?? '')
      outgoing.writeHead(200)
      if (asked.length === 1) outgoing.write(line(4, 7), () => outgoing.destroy())
      else outgoing.end(line(7, 9) + line(10, 12))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const env = {
      MAYFLY_URL: `https://localhost:${(server.address() as AddressInfo).port}`,
      MAYFLY_CA_FILE: person.file('other-ca.pem', ca.certificatePem),
      MAYFLY_TOKEN: 'none',
    }
    const { code, out, err } = await person.mayfly(['audit', 'tail', '-f', '--json', '--after', 'start'], { env })
    server.closeAllConnections()
    server.close()
    expect(asked).toEqual(['start', 'c7'])
    expect(linesOf(out).map(({ position }) => position)).toEqual([7, 9])
    expect(code).toBe(1)
    expect(err).toContain('missing')
  })
})
