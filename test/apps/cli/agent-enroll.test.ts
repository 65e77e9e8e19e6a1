// `mayfly agent enroll`: what it leaves on disk, how it renews, and that it outlives a broker that comes and goes.

import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { useEnrolment } from '#test/setup/enrolment.ts'
import { type RunningBroker, resourceUri, startRunningBroker } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { usePerson } from './use-cli.ts'

const broker = useBroker()
const { joinToken } = useEnrolment(broker)
const person = usePerson()
const minuteMs = 60_000

const environmentOf = (running: RunningBroker) => ({
  MAYFLY_URL: running.issuer,
  MAYFLY_CA_FILE: person.file('broker-ca.pem', running.ca.certificatePem),
})
const enroll = (dir: string, ...more: string[]) =>
  person.mayfly(['agent', 'enroll', '--json', '--dir', dir, ...more], { env: environmentOf(broker.running) })
const joinFile = async () => person.file('join-token', `${(await joinToken()).token}\n`)
const read = (dir: string, name: string) => readFileSync(join(person.home, dir, name), 'utf8')
const modeOf = (dir: string, name: string) => statSync(join(person.home, dir, name)).mode & 0o777
const serialOf = (dir: string) => new X509Certificate(read(dir, 'cert.pem')).serialNumber

test('leaves key, certificate and authority, readable for nobody else, and they get a token', async () => {
  const ran = await enroll('first', '--join-token-file', await joinFile(), '--instance', 'laptop')
  expect(ran.code, ran.err).toBe(0)
  expect(ran.json()).toMatchObject({
    outcome: 'enrolled',
    agent: broker.running.ids.agent,
    cert_file: join(person.home, 'first', 'cert.pem'),
  })
  expect(ran.json().spiffe_id).toMatch(/\/laptop\.[0-9a-f]{32}$/)
  expect(JSON.parse(read('first', 'state.json'))).toEqual(ran.json())
  for (const name of ['key.pem', 'cert.pem', 'ca.pem', 'state.json']) expect(modeOf('first', name), name).toBe(0o600)
  expect(statSync(join(person.home, 'first')).mode & 0o777).toBe(0o700)
  const certificate = { certificatePem: '', chainPem: read('first', 'cert.pem'), keyPem: read('first', 'key.pem') }
  const form = { grant_type: 'client_credentials', resource: resourceUri, scope: 'orders:read', task_id: 'cli' }
  const issued = await broker.running.token(form, { ...certificate, certificatePem: certificate.chainPem })
  expect(issued.status, issued.text).toBe(200)
})

test('the key never leaves the folder: neither output nor the broker’s log holds it, nor the token', async () => {
  const { token } = await joinToken()
  const ran = await enroll('quiet', '--join-token', token)
  const all = ran.out + ran.err + broker.running.logLines.join('\n')
  expect(all).not.toContain(token)
  expect(all).not.toContain(read('quiet', 'key.pem').split('\n')[1])
})

test('a certificate that holds is renewed by itself: same key, same identity, and the token is left alone', async () => {
  const first = (await enroll('renewed', '--join-token-file', await joinFile())).json()
  const [key, serial] = [read('renewed', 'key.pem'), serialOf('renewed')]
  const again = await enroll('renewed', '--join-token-file', await joinFile())
  expect(again.json()).toMatchObject({ outcome: 'renewed', spiffe_id: first.spiffe_id })
  expect(read('renewed', 'key.pem')).toBe(key)
  expect(serialOf('renewed')).not.toBe(serial)
  expect((await enroll('renewed')).json()).toMatchObject({ outcome: 'renewed' })
})

test('takes the token from standard input', async () => {
  const { token } = await joinToken()
  const words = ['agent', 'enroll', '--dir', 'piped', '--join-token-file', '-']
  const ran = await person.mayfly(words, { env: environmentOf(broker.running), readInput: async () => `${token}\n` })
  expect(ran.code, ran.err).toBe(0)
})

describe('refuses', () => {
  test('without a proof, and says how to get one', async () => {
    const ran = await enroll('nothing')
    expect(ran.code).toBe(1)
    expect(JSON.parse(ran.err).error.next).toContain('join-tokens create')
  })

  test('a join token that was used, and leaves no certificate', async () => {
    const file = await joinFile()
    expect((await enroll('user', '--join-token-file', file)).code).toBe(0)
    const ran = await enroll('thief', '--join-token-file', file)
    expect(ran.code).toBe(1)
    expect(JSON.parse(ran.err).error).toMatchObject({ status: 400, code: 'invalid_grant' })
    expect(existsSync(join(person.home, 'thief', 'cert.pem'))).toBe(false)
  })

  test.each([
    [['--join-token', 'mfj_a', '--subject-token-file', 'b'], 'Give one of'],
    [['--subject-token-file', 'b', '--instance', 'laptop'], '--instance goes with a join token'],
  ])('%j as wrong usage', async (words, what) => {
    const ran = await enroll('wrong', ...words)
    expect(ran.code).toBe(2)
    expect(JSON.parse(ran.err).error.what).toContain(what)
  })

  test('a key that others may read, and one that it did not make', async () => {
    await enroll('open', '--join-token-file', await joinFile())
    writeFileSync(join(person.home, 'open', 'key.pem'), 'not a key', { mode: 0o600 })
    expect((await enroll('open', '--join-token-file', await joinFile())).code).toBe(1)
    expect(read('open', 'key.pem')).toBe('not a key')
  })
})

test('a token of the platform enrols, and enrols anew when what it had has ended', async () => {
  await changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, ({ settings }) => ({
    settings: { ...settings, may_enroll: true },
  }))
  const file = person.file('subject-token', broker.running.mint({ runId: 'pod-1' }))
  const first = await enroll('pod', '--subject-token-file', file)
  expect(first.code, first.err).toBe(0)
  // The pod slept for two hours; the platform has replaced the token meanwhile.
  person.file('subject-token', broker.running.mint({ runId: 'pod-1' }))
  const words = ['agent', 'enroll', '--json', '--dir', 'pod', '--subject-token-file', file]
  const later = { env: environmentOf(broker.running), nowMs: () => Date.now() + 120 * minuteMs }
  const again = await person.mayfly(words, later)
  expect(again.json()).toMatchObject({ outcome: 'enrolled', spiffe_id: first.json().spiffe_id })
})

describe('with --watch', () => {
  let database: TestDatabase
  let running: RunningBroker
  beforeAll(async () => {
    database = await createTestDatabase()
    running = await startRunningBroker({ databaseUrl: database.urls.app })
  })
  afterAll(async () => {
    await running?.close()
    await database?.close()
  })

  test('it renews when half of the life is over, through a restart of the broker, and ends with the signal', async () => {
    const { body } = await running.v1('POST', `/v1/agents/${running.ids.agent}/join-tokens`, {})
    const file = person.file('watched-token', body.token)
    const stop = new AbortController()
    const said = { out: '', err: '' }
    let aheadMs = 0
    const watching = (words: string[]) =>
      person.mayfly(['agent', 'enroll', '--json', '--watch', '--dir', 'watched', ...words], {
        env: environmentOf(running),
        signal: stop.signal,
        nowMs: () => Date.now() + aheadMs,
        out: text => {
          said.out += text
        },
        err: text => {
          said.err += text
        },
      })
    const outcomes = () =>
      said.out
        .trim()
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line).outcome)

    const stopFirst = new AbortController()
    const first = person.mayfly(['agent', 'enroll', '--watch', '--dir', 'watched', '--join-token-file', file], {
      env: environmentOf(running),
      signal: stopFirst.signal,
    })
    await vi.waitFor(() => expect(existsSync(join(person.home, 'watched', 'cert.pem'))).toBe(true), { timeout: 5_000 })
    stopFirst.abort()
    expect((await first).code).toBe(0)
    const serial = serialOf('watched')

    await running.broker.close()
    aheadMs = 40 * minuteMs
    const ended = watching([])
    await vi.waitFor(() => expect(said.err).toContain('Trying again'), { timeout: 5_000 })
    expect(serialOf('watched')).toBe(serial)
    const second = await startBroker(
      running.config,
      createLogger('broker', 'error', () => {}),
    )
    try {
      await vi.waitFor(() => expect(outcomes()).toEqual(['renewed']), { timeout: 15_000 })
      expect(serialOf('watched')).not.toBe(serial)
    } finally {
      stop.abort()
      await ended
      await second.close()
    }
    expect((await ended).code).toBe(0)
  })
})
