import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { readSealerSettings } from '#apps/worker/sealer/settings.ts'
import { makeLogKey } from '#core/tlog/log-keys.ts'

const read = (env: Record<string, string>) => {
  const problems: string[] = []
  return { settings: readSealerSettings(env, problems), problems }
}
const whole = {
  MAYFLY_LOG_KEY: makeLogKey(),
  MAYFLY_LOG_TILES: '/log/tiles',
  MAYFLY_LOG_STATE: '/log/state',
  MAYFLY_PUBLIC_URL: 'https://broker.example:8443',
}
const vkey = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'

test('without a key nothing is sealed, and nothing is wrong', () => {
  expect(read({})).toEqual({ settings: undefined, problems: [] })
  expect(read({ MAYFLY_LOG_STATE: '/log/state' })).toEqual({ settings: undefined, problems: [] })
})

test('everything that a sealer needs', () => {
  const { settings, problems } = read({
    ...whole,
    MAYFLY_LOG_WITNESSES: JSON.stringify([{ vkey, url: 'https://witness.example/' }]),
  })
  expect(problems).toEqual([])
  expect(settings).toMatchObject({
    host: 'broker.example:8443',
    tiles: { folder: '/log/tiles' },
    stateDir: '/log/state',
    witnesses: [{ url: 'https://witness.example', verifierKey: { name: 'remora.n621.de', type: 4 } }],
  })
})

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
test.each([
  ['MAYFLY_LOG_KEY', { MAYFLY_LOG_KEY: pem }],
  ['MAYFLY_LOG_KEY', { MAYFLY_LOG_KEY: 'no key' }],
  ['MAYFLY_LOG_TILES', { MAYFLY_LOG_TILES: '' }],
  ['MAYFLY_LOG_STATE', { MAYFLY_LOG_STATE: '' }],
  ['MAYFLY_PUBLIC_URL', { MAYFLY_PUBLIC_URL: '' }],
  ['MAYFLY_LOG_WITNESSES', { MAYFLY_LOG_WITNESSES: '[{"vkey":"x","url":"https://a"}]' }],
  ['MAYFLY_LOG_WITNESSES', { MAYFLY_LOG_WITNESSES: '/not/there.json' }],
  ['MAYFLY_LOG_KEY_FILE', { MAYFLY_LOG_KEY: '' }],
])('what is wrong with %s is said, and never the key itself', (name, change) => {
  const { problems } = read({ ...whole, ...change })
  expect(problems.join()).toContain(name)
  expect(problems.join()).not.toContain('PRIVATE')
  expect(problems.join()).not.toContain('no key')
})
