import { describe, expect, test } from 'vitest'
import { rotated, sampleEntries, sampleLogKey, signedCheckpoint, verifyFiles } from './sample-export.ts'

const entries = sampleEntries(300)
const older = signedCheckpoint(entries, 200)

describe('an export of a log whose key was rotated', () => {
  test('is verified by the keys that it names, against an older checkpoint by the old one too', () => {
    expect(verifyFiles(rotated.export(entries), { from: older })).toMatchObject({ isValid: true, olderCheckpoints: 1 })
  })

  test('leads who holds the log to the old key to the new one, by the old one’s own signature and by nothing else', () => {
    const held = { logKeys: [sampleLogKey], from: older }
    expect(verifyFiles(rotated.export(entries), held)).toMatchObject({ isValid: true, isKeyPinned: true })
    expect(() => verifyFiles(rotated.export(entries, 'itself'), held)).toThrow(/No known key/)
  })

  test('is verified by either key while both sign', () => {
    const files = rotated.export(entries, 'itself').set('checkpoint', Buffer.from(rotated.byBoth(entries)))
    for (const key of [sampleLogKey, rotated.key]) expect(verifyFiles(files, { logKeys: [key] }).isValid).toBe(true)
  })

  test('goes on from an older checkpoint where both keys are named, and not where the new one is alone', () => {
    const files = rotated.export(entries)
    expect(verifyFiles(files, { logKeys: [rotated.key, sampleLogKey], from: older }).isValid).toBe(true)
    expect(verifyFiles(files, { logKeys: [rotated.key], from: older }).findings).toMatchObject([{ kind: 'checkpoint' }])
  })
})
