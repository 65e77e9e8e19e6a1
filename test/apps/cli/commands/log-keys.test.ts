import { createPrivateKey } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSealerSettings } from '#apps/worker/sealer/settings.ts'
import { makeLogKey, splitLogKeys } from '#core/tlog/log-keys.ts'
import { createCosigner, formatVerifierKey } from '#core/tlog/note.ts'
import { createTestLog } from '#test/core/witness/tree.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const sealer = createTestSealer('localhost')
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
const person = usePerson()
const run = (...words: string[]) => person.mayfly(words, { env: environmentOf(broker, person) })
const seal = async () => {
  const round = await sealer.seal(broker.database.database.sql)
  return { ...round, vkey: formatVerifierKey(round.key) }
}
let old = ''

beforeAll(async () => {
  old = (await seal()).vkey
})
afterAll(() => sealer.close())

describe('a rotation of the log’s key', () => {
  let next = ''
  const file = () => join(person.home, 'kept.checkpoint')

  test('begins without anybody who follows the log having to know: the old key signs too, and names the new one', async () => {
    expect((await run('log', 'checkpoint', '--keep', file(), '--log-key', old)).code).toBe(0)
    sealer.rotate('begin')
    next = (await seal()).vkey
    expect((await run('log', 'checkpoint', '--keep', file(), '--log-key', old)).code).toBe(0)
    const shown = (await run('log', 'keys', '--json')).json()
    expect(shown).toMatchObject({
      log: [next, old],
      keys: [{ key: next, handover: expect.any(String) }, { key: old }],
      earlier: [],
    })
    const followed = await run('log', 'keys', '--log-key', old)
    expect(followed.out).toContain(`Go on with  ${next}`)
  })

  test('ends, and who did not move is told what to do; with both keys an older checkpoint holds', async () => {
    sealer.rotate('finish')
    await seal()
    const { size } = await seal()
    const late = await run('log', 'checkpoint', '--keep', file(), '--log-key', old)
    expect(late).toMatchObject({ code: 1, out: '' })
    expect(late.err).toContain('mayfly log keys --log-key')
    const moved = await run('log', 'checkpoint', '--keep', file(), '--log-key', old, '--log-key', next, '--json')
    expect(moved.json()).toMatchObject({ size, grown_from: expect.any(Number) })
    const { keys } = (await run('log', 'keys', '--json', '--log-key', old)).json()
    expect(keys).toMatchObject([{ key: next }, { key: old, until: expect.any(String) }])
    expect(keys[0]).not.toHaveProperty('until')
  })

  test('leads from no key that the log never had', async () => {
    const stranger = formatVerifierKey(createTestLog(old.slice(0, old.indexOf('+'))).signer.verifierKey)
    const ran = await run('log', 'keys', '--log-key', stranger)
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('No key of this log follows')
  })

  test('an export names both, and is verified by the one that was kept', async () => {
    const folder = join(person.home, 'export')
    const made = await person.mayfly(['audit', 'export', folder, '--key', old], {
      env: { ...environmentOf(broker, person), MAYFLY_TOKEN: broker.running.platformToken },
    })
    expect(made.code, made.err).toBe(0)
    expect((await run('audit', 'verify', folder, '--key', old)).code).toBe(0)
    expect(JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8'))).toMatchObject({
      log: [next, old],
      keys: [{}, {}],
      earlier: [],
    })
  })
})

test('logs that a restore has ended are shown with the keys that their exports need', async () => {
  const shard = '01900000-0000-7000-8000-0000000000bb'
  const gone = createTestLog(`localhost/log/${shard}`)
  const key = formatVerifierKey(gone.signer.verifierKey)
  await broker.database.admin`insert into log.signer values (${shard}, ${key}, '2026-01-02T03:04:05Z', true, null)`
  const { earlier } = (await run('log', 'keys', '--json')).json()
  expect(earlier).toEqual([{ origin: gone.origin, shard, log: [key], keys: [{ key, since: '2026-01-02T03:04:05.000Z' }] }])
})

test('a checkpoint that lacks a witness is “not yet cosigned”, which is no alarm', async () => {
  const witness = formatVerifierKey(createCosigner('witness.example/w1', createPrivateKey(makeLogKey()), () => 0).verifierKey)
  const ran = await run('log', 'checkpoint', '--witness', witness)
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toContain('Not yet cosigned')
  expect(ran.err).toContain('mayfly log status')
  expect(ran.err).not.toMatch(/not believed|who changed it/)
})

describe('mayfly log rotate-key', () => {
  test('puts a new key before the one that is there, which the worker takes as both, and leaves the new one at the end', async () => {
    const pem = makeLogKey()
    const file = person.file('log-key.pem', pem)
    expect((await run('log', 'rotate-key', file)).code).toBe(0)
    const both = splitLogKeys(readFileSync(file, 'utf8'))
    expect(both).toEqual([expect.not.stringMatching(pem), pem])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const env = {
      MAYFLY_LOG_KEY: both.join(''),
      MAYFLY_LOG_TILES: '/t',
      MAYFLY_LOG_STATE: '/s',
      MAYFLY_PUBLIC_URL: 'https://a.example',
    }
    expect(readSealerSettings(env, [])?.keys).toHaveLength(2)
    expect((await run('log', 'rotate-key', file, '--finish')).code).toBe(0)
    expect(splitLogKeys(readFileSync(file, 'utf8'))).toEqual([both[0]])
    expect((await run('log', 'rotate-key', file, '--finish')).err).toContain('nothing to finish')
  })

  test('touches no file that holds none', async () => {
    const file = person.file('note', 'hello')
    expect((await run('log', 'rotate-key', file)).err).toContain('holds no private key')
    expect(readFileSync(file, 'utf8')).toBe('hello')
  })
})
