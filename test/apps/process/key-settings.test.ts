import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { openKeyEncryption, readKeySettings, signingTimesOf } from '#apps/process/key-settings.ts'

const [current, first, second] = [randomBytes(32), randomBytes(32), randomBytes(32)].map(key => key.toString('base64url'))

test('reads the current key, any number of earlier ones, and how long a signing key signs', () => {
  const problems: string[] = []
  const env = { MAYFLY_KEK: current, MAYFLY_KEK_PREVIOUS: `${first},\n ${second}\n`, MAYFLY_SIGNING_KEY_DAYS: '30' }
  const settings = readKeySettings(env, problems)
  expect(problems).toEqual([])
  expect(openKeyEncryption(settings).keyIds).toHaveLength(3)
  expect(openKeyEncryption(settings).keyId).toBe(openKeyEncryption(readKeySettings({ MAYFLY_KEK: current }, [])).keyId)
  expect(signingTimesOf(settings).lifeSeconds).toBe(30 * 86_400)
})

test('keys sign for 90 days when nothing is said', () => {
  expect(signingTimesOf(readKeySettings({ MAYFLY_KEK: current }, [])).lifeSeconds).toBe(90 * 86_400)
})

test.each([
  [{}, /MAYFLY_KEK or MAYFLY_KEK_FILE is missing/],
  [{ MAYFLY_KEK: 'short' }, /^MAYFLY_KEK must be 32 bytes/],
  [{ MAYFLY_KEK: current, MAYFLY_KEK_PREVIOUS: `${first} short` }, /^MAYFLY_KEK_PREVIOUS must be 32 bytes/],
  [{ MAYFLY_KEK: current, MAYFLY_SIGNING_KEY_DAYS: '0' }, /MAYFLY_SIGNING_KEY_DAYS/],
  [{ MAYFLY_KEK: current, MAYFLY_SIGNING_KEY_DAYS: '1.5' }, /MAYFLY_SIGNING_KEY_DAYS/],
  [{ MAYFLY_KEK: current, MAYFLY_SIGNING_KEY_DAYS: 'soon' }, /MAYFLY_SIGNING_KEY_DAYS/],
])('complains once of what is wrong, and shows no key (%#)', (env, complaint) => {
  const problems: string[] = []
  readKeySettings(env, problems)
  expect(problems).toEqual([expect.stringMatching(complaint)])
  expect(problems.join()).not.toContain('short')
})
