import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { followHandovers, formatHandover } from '#core/tlog/handover.ts'
import { createCosigner, createNoteSigner, type NoteSigner, signNote } from '#core/tlog/note.ts'

const origin = 'broker.example/log/one'
const newKey = () => generateKeyPairSync('ed25519').privateKey
const keys = [newKey(), newKey(), newKey()] as const
const [a, b, c] = keys.map(key => createNoteSigner(origin, key)) as [NoteSigner, NoteSigner, NoteSigner]
const handover = (to: NoteSigner, ...by: NoteSigner[]): string => signNote(formatHandover(to.verifierKey), by)
const follow = (from: NoteSigner, ...notes: string[]) => followHandovers([from.verifierKey], notes)

describe('the keys that follow from one that is trusted', () => {
  test('are those that it named, and those that these named, in whatever order the notes stand', () => {
    const notes = [handover(c, b), handover(b, a)]
    for (const each of [notes, notes.toReversed()])
      expect(follow(a, ...each)).toEqual([a, b, c].map(({ verifierKey }) => verifierKey))
    expect(follow(b, ...notes)).toEqual([b.verifierKey, c.verifierKey])
    expect(follow(c, ...notes)).toEqual([c.verifierKey])
  })

  test('are found though several earlier keys signed, and end where keys name each other', () => {
    expect(follow(a, handover(c, b, a))).toEqual([a.verifierKey, c.verifierKey])
    expect(follow(a, handover(b, a), handover(a, b))).toEqual([a.verifierKey, b.verifierKey])
  })

  const elsewhere = createNoteSigner('broker.example/log/two', keys[0])
  const cosigner = createCosigner(origin, keys[0], () => 1)
  test.each([
    ['its own signature alone', a, handover(b, b)],
    ['the same private key under the name of another log', elsewhere, handover(b, elsewhere)],
    ['a key for another log', a, handover(elsewhere, a)],
    ['a witness’s key', cosigner, handover(b, cosigner)],
    ['a key that is to be a witness’s', a, handover(cosigner, a)],
    ['a signature over something else', a, handover(b, a).replace('\nkey ', '\nkey  ')],
    ['a note with more in it', a, signNote(`${formatHandover(b.verifierKey)}more\n`, [a])],
    ['no note', a, 'key'],
  ])('are not named by %s', (_, trusted, note) => {
    expect(follow(trusted, note)).toEqual([trusted.verifierKey])
  })

  test('what names a key is no checkpoint, which a witness or a verifier could take it for', () => {
    expect(() => parseCheckpoint(formatHandover(b.verifierKey))).toThrow()
  })
})
