// A log that goes on under another key. The keys of before name the next one in a signed note, so whoever holds the log to an earlier key
// learns from that key which one to go on with. Two signatures under one checkpoint do not tell that: anybody can add one of its own.
//
// The note's text is the log's origin and `key <verifier key>`. It is no checkpoint, whose second line is a number.

import { formatVerifierKey, noteSignatureTypes, openNote, parseVerifierKey, type VerifierKey } from './note.ts'
import { TlogError } from './tlog-error.ts'

/** The text by which a log's earlier keys name `next`. */
export const formatHandover = (next: VerifierKey): string => `${next.name}\nkey ${formatVerifierKey(next)}\n`

/**
 * The keys that are trusted, and those that follow from them: named, one after the other, by a key of the same log. Notes that no such key
 * signed are let lie.
 */
export function followHandovers(trusted: readonly VerifierKey[], notes: readonly string[]): VerifierKey[] {
  const keys = [...trusted]
  for (let found = true; found; ) {
    const next = notes.map(note => findNext(note, keys)).find(key => key && !keys.some(({ keyId }) => keyId === key.keyId))
    found = next !== undefined
    if (next) keys.push(next)
  }
  return keys
}

function findNext(note: string, known: readonly VerifierKey[]): VerifierKey | undefined {
  try {
    const { text, signatures } = openNote(note, known)
    const [, origin, vkey = ''] = /^(.+)\nkey (.+)\n$/.exec(text) ?? []
    const key = parseVerifierKey(vkey)
    const isOwn = signatures.some(({ verifierKey: { type, name } }) => type === noteSignatureTypes.ed25519 && name === origin)
    return isOwn && key.name === origin && key.type === noteSignatureTypes.ed25519 ? key : undefined
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}
