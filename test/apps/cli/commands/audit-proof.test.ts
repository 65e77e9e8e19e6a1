import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWitnesses, type Witnesses } from '#apps/worker/witnesses/witnesses.ts'
import { formatVerifierKey } from '#core/tlog/note.ts'
import { createTestLog } from '#test/core/witness/tree.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'
import { type RunningWitness, startWitness } from '../witness/witness-in-use.ts'

let witnesses: Witnesses | undefined
let witness: RunningWitness
const sealer = createTestSealer('localhost', request => witnesses!.cosign(request))
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
const person = usePerson()
let token = ''
let claims: Record<string, unknown> = {}
let logKey = ''
const run = (words: string[], env: Record<string, string> = environmentOf(broker, person)) => person.mayfly(words, { env })
const seal = () => sealer.seal(broker.database.database.sql)

beforeAll(async () => {
  // The log is called after its shard, which a witness must be told before the first checkpoint.
  witnesses = createWitnesses([], { onFault: () => {} })
  logKey = formatVerifierKey((await seal()).key)
  witness = await startWitness({ name: 'witness.example/w1', logs: [logKey] })
  witnesses = createWitnesses([{ verifierKey: witness.key, url: witness.url }], { onFault: () => {} })
  const { running } = broker
  token = (await running.token(running.form(), running.certificate)).body.access_token
  claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  await seal()
})
afterAll(async () => {
  await witnesses?.close()
  await witness.close()
  sealer.close()
})

describe('mayfly audit proof', () => {
  test('of a token: its receipt is an entry of the log, and its claims are the ones logged', async () => {
    const ran = await run(['audit', 'proof', '--token', person.file('token', token), '--json'])
    expect(ran.code, ran.err).toBe(0)
    expect(ran.json()).toMatchObject({
      token: claims['jti'],
      receipt: claims['evt'],
      log_key: 'broker',
      entry: { type: 'token.issued' },
    })
    expect(ran.err).toContain(`--log-key '${logKey}'`)
    expect(ran.out + ran.err).not.toContain(token.slice(0, 40))
  })

  test('is kept in a file and verified without any broker, with the witness that is trusted', async () => {
    const file = join(person.home, 'kept.tlog-proof')
    const asked = ['audit', 'proof', '--token', person.file('token', token), '--log-key', logKey, '--witness', witness.vkey]
    const online = await run([...asked, '--out', file])
    expect(online.code, online.err).toBe(0)
    expect(online.out).toContain('Cosigned  by witness.example/w1')
    expect(existsSync(file)).toBe(true)
    const offline = await run([...asked, '--proof', file, '--json'], {})
    expect(offline.code, offline.err).toBe(0)
    expect(offline.json()).toMatchObject({ log_key: 'given', witnesses: [{ name: 'witness.example/w1' }] })
  })

  test('finds a changed claim, though the receipt is left as it was', async () => {
    const [head, , signature] = token.split('.')
    const forged = [head, Buffer.from(JSON.stringify({ ...claims, scope: 'orders:all' })).toString('base64url'), signature].join(
      '.',
    )
    const ran = await run(['audit', 'proof', '--token', person.file('forged', forged)])
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('claims are not those that were logged')
  })

  test('finds a proof of another entry, a changed proof, a foreign key, a missing witness (attack 42)', async () => {
    const file = join(person.home, 'other.tlog-proof')
    await run(['audit', 'proof', String(claims['jti']), '--out', file])
    const text = readFileSync(file, 'utf8')
    const tokenFile = person.file('token', token)
    const stranger = formatVerifierKey(createTestLog('localhost/log/other').signer.verifierKey)
    const check = (name: string, ...words: string[]) =>
      run(['audit', 'proof', '--proof', name, '--token', tokenFile, '--log-key', ...words], {})
    expect((await check(file, logKey)).code).toBe(0)
    const moved = text.replace(/^index (\d+)$/m, (_, at) => `index ${Number(at) - 1}`)
    expect(await check(person.file('moved', moved), logKey)).toMatchObject({
      code: 1,
      err: expect.stringContaining('path does not lead'),
    })
    const shortened = text.slice(0, -10)
    expect(await check(person.file('short', shortened), logKey)).toMatchObject({ code: 1, out: '' })
    expect(await check(file, stranger)).toMatchObject({ code: 1, err: expect.stringContaining('No known key') })
    const other = await startWitness({ name: 'witness.example/w2', logs: [logKey] })
    const lacking = await check(file, logKey, '--witness', witness.vkey, '--witness', other.vkey)
    expect(lacking).toMatchObject({ code: 1, err: expect.stringContaining('1 of the known witnesses') })
    expect((await check(file, logKey, '--witness', witness.vkey, '--witness', other.vkey, '--witnesses', '1')).code).toBe(0)
    await other.close()
  })

  test('waits for the seal of what was just logged', async () => {
    const { running } = broker
    const fresh = (await running.token(running.form(), running.certificate)).body.access_token
    const proven = run(['audit', 'proof', '--token', person.file('fresh', fresh)])
    const sealing = setInterval(() => void seal(), 300)
    expect((await proven).code).toBe(0)
    clearInterval(sealing)
  })

  test('of an entry is by its position or id', async () => {
    const { position, entry } = (await run(['audit', 'proof', String(claims['jti']), '--json'])).json()
    for (const name of [String(position), entry.id])
      expect((await run(['audit', 'proof', name, '--json'])).json().entry).toEqual(entry)
  })

  test.each([[[]], [['5', '--token', 'token']], [['5', '--log-key', 'x']], [['5', '--witnesses', '2']]])(
    'with %j it is wrong usage',
    async words => {
      expect(await run(['audit', 'proof', ...words])).toMatchObject({ code: 2, out: '' })
    },
  )

  test('says what it was given when it is no token of ours', async () => {
    expect((await run(['audit', 'proof', '--token', person.file('no-token', 'eyJ.x.y')])).err).toContain(
      'no task token with a receipt',
    )
  })
})

describe('mayfly log checkpoint', () => {
  test('holds the log of now against the one that was kept, and keeps the new one', async () => {
    const file = join(person.home, 'kept.checkpoint')
    const first = await run(['log', 'checkpoint', '--keep', file, '--json'])
    expect(first.code, first.err).toBe(0)
    expect(first.json()).not.toHaveProperty('grown_from')
    await broker.running.v1('POST', '/v1/operators', { name: 'grown', role: 'auditor' })
    const { size } = await seal()
    const second = await run(['log', 'checkpoint', '--keep', file, '--json', '--witness', witness.vkey])
    expect(second.json()).toMatchObject({ size, grown_from: first.json().size, witnesses: [{ name: 'witness.example/w1' }] })
    expect(readFileSync(file, 'utf8')).toContain(`\n${size}\n`)
  })

  test('says so where the past was changed, or the log is shorter, and keeps what it has (attack 41)', async () => {
    const { origin } = await seal()
    // Whoever has the log's key can sign anything: here another history, and a longer one.
    const forged = createTestLog(origin)
    const key = formatVerifierKey(forged.signer.verifierKey)
    for (const [size, why] of [
      [3, 'does not begin with the 3'],
      [10_000, 'and had 10000'],
    ] as const) {
      const file = person.file(`forged-${size}`, forged.checkpoint(size))
      const ran = await run(['log', 'checkpoint', '--keep', file, '--log-key', logKey, '--log-key', key])
      expect(ran).toMatchObject({ code: 1, out: '' })
      expect(ran.err).toContain(why)
      expect(readFileSync(file, 'utf8')).toBe(forged.checkpoint(size))
    }
  })
})
