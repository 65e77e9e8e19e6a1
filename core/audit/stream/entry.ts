// An entry of the log as receivers are told of it: as whoever asks for it is shown it. What is sealed under a subject's key stays where it
// is: a receiver could not read it, and a copy of it would outlive its erasure.

import { type ShownEvent, showEvent } from '#core/audit/query/show-event.ts'
import { isJsonObject } from '#core/json/is-json-object.ts'
import type { LogEntry } from '#db/log/read-entries.ts'
import { decisionCodes, decisionOf } from './decision.ts'

export interface StreamEntry {
  readonly position: number
  /** uuid; null: the deployment's own. */
  readonly tenantId: string | null
  /** Milliseconds since the epoch, by the database's clock. */
  readonly atMs: number
  readonly shown: ShownEvent
  /** As the log has it; its leaf is the exact bytes that were hashed, as text. */
  readonly stored: LogEntry
}

/** As receivers see it. */
export interface EntryView extends ShownEvent {
  /** The exact leaf, for receivers that verify. */
  readonly leaf?: string
}

interface Leaf {
  readonly time?: number
  readonly type?: string
  readonly tenant?: string
}

/** Reads an entry as it is stored. One that this version cannot read is told of with what it has: nothing of the log is left out. */
export function readEntry(stored: LogEntry): StreamEntry {
  const { position } = stored
  try {
    const { time = 0, type = '', tenant = null } = JSON.parse(stored.leaf) as Leaf
    return { position, tenantId: tenant, atMs: time, shown: show(stored, type), stored }
  } catch {
    const shown = {
      position,
      id: '',
      time: new Date(0).toISOString(),
      type: 'unknown',
      actor: { kind: 'system' },
      receipt: '',
    } as const
    return { position, tenantId: null, atMs: 0, shown: { ...shown, facts: null, sealed: false }, stored }
  }
}

function show({ position, leaf, body: stored }: LogEntry, type: string): ShownEvent {
  const body = stored ?? null
  const facts: unknown = body === null || body === '' ? undefined : JSON.parse(body)
  const known = isJsonObject(facts) ? facts : {}
  const decision = decisionOf(type, known)
  const reason = [known['reason'], known['why'], known['code']].find(value => typeof value === 'string') as string | undefined
  const code = decision === undefined ? null : decisionCodes[decision]
  return showEvent({ position, leaf, body, retention: null, decision: code, reason: reason?.slice(0, 64) ?? null })
}

/** leaf: whether the exact leaf is shown. */
export const viewEntry = ({ shown, stored }: StreamEntry, { leaf = false }: { readonly leaf?: boolean } = {}): EntryView =>
  leaf ? { ...shown, leaf: stored.leaf } : shown
