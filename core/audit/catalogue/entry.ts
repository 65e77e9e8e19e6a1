// An entry of the log, read: the leaf as it was hashed, the body where it is still there.

import type { LogEntry } from '#db/log/read-entries.ts'
import { findEventType } from './catalogue.ts'
import type { EventType, Place } from './event-type.ts'

/** uuids, but `token`, which is the token's `jti`, and hashes in base64url. */
export interface Leaf {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly type: string
  readonly v: number
  readonly salt: string
  readonly body_hash: string
  readonly private_hash?: string
  readonly claims_hash?: string
  readonly tenant?: string
  readonly account?: string
  readonly agent?: string
  readonly token?: string
}

export interface ReadEntry {
  readonly position: number
  readonly leaf: Leaf
  /** Our words; undefined where the body is gone. What is sealed is left out. */
  readonly facts: Readonly<Record<string, unknown>> | undefined
  /** The id of the key under which the rest is sealed, and the sealed text. */
  readonly sealed: { readonly subjectKeyId: string; readonly text: string } | undefined
  /** Undefined for a type that this version does not know. */
  readonly type: EventType | undefined
}

/** Throws SyntaxError for what is no entry. */
export function readEntry({ position, leaf: text, body }: LogEntry): ReadEntry {
  const leaf = JSON.parse(text) as Leaf
  const type = findEventType(leaf.type)
  if (body === undefined || body === '') return { position, leaf, facts: undefined, sealed: undefined, type }
  const { private: sealed, subject_key: subjectKeyId, ...facts } = JSON.parse(body) as Record<string, unknown>
  const hidden = typeof sealed === 'string' && typeof subjectKeyId === 'string' ? { subjectKeyId, text: sealed } : undefined
  return { position, leaf, facts, sealed: hidden, type }
}

/** What stands at a place; undefined where nothing does, or it is sealed. */
export function valueAt({ leaf, facts }: Pick<ReadEntry, 'leaf' | 'facts'>, place: Place): unknown {
  const [part, name] = place.split('.') as ['leaf' | 'facts' | 'private', string]
  if (part === 'leaf') return leaf[name as keyof Leaf]
  return part === 'facts' ? facts?.[name] : undefined
}
