// What a webhook is sent of the log: as many entries as fit into one message, in their order. Each message names where the one before
// it ended, so a receiver sees when one is missing; and what is sent again is the very same message under the same id.

import { createHash } from 'node:crypto'
import { formatId, formatUuid } from '#core/ids/id.ts'
import { plainJson } from '#core/json/plain-json.ts'
import type { LogHead } from '#db/audit-stream/log-range.ts'
import { type OcsfEvent, toOcsf } from '../catalogue/ocsf.ts'
import { type EntryView, viewEntry } from './entry.ts'
import { type AuditFilter, createFilter } from './filter.ts'
import type { LogPages } from './log-pages.ts'

/** What a webhook wants of its tenant's log. */
export interface AuditSubscription extends Pick<AuditFilter, 'types' | 'decision' | 'reason' | 'agent' | 'account'> {
  /** Where it began. */
  readonly begin: 'now' | 'start'
  /** Whether exact leaves are sent along. */
  readonly leaf: boolean
  /** `ocsf`: each entry as an event of schema.ocsf.io, which has the leaf as its raw data. Left out: as the API shows it. */
  readonly format?: 'entry' | 'ocsf'
}

export const messageType = 'audit.entries'

const mostEntries = 100
const mostBytes = 256 * 1024
/** So many positions are looked at in one go. */
const mostLookedAt = 8_192

export interface MessageStart {
  readonly webhookId: string
  readonly tenantId: string
  readonly subscription: AuditSubscription
  /** The first entry that may be in it. */
  readonly position: number
  /** Where the message before it ended. */
  readonly told: number
  /** Where it ends, if it was tried before. */
  readonly upto: number | null
}

export interface AuditMessage {
  /** Nothing of what lies before this position is left to tell once it was taken. */
  readonly upto: number
  /** Undefined: nothing up to there is wanted. */
  readonly sent: { readonly id: string; readonly body: string; readonly entries: number } | undefined
}

/** Makes the next message. Rejects when the log cannot be read. */
export async function composeMessage(
  pages: Pick<LogPages, 'read'>,
  start: MessageStart,
  { shard, size }: LogHead,
): Promise<AuditMessage> {
  const { subscription, tenantId } = start
  const wanted = createFilter(tenantId, subscription)
  const end = Math.min(start.upto ?? start.position + mostLookedAt, size)
  const entries: (EntryView | OcsfEvent)[] = []
  let lastTime = ''
  let bytes = 0
  let upto = start.position
  reading: while (upto < end) {
    for (const entry of await pages.read(upto, size)) {
      if (upto >= end) break reading
      if (wanted(entry)) {
        // One that was tried before ends where it did, whatever it takes.
        if (start.upto === null && (entries.length >= mostEntries || bytes >= mostBytes)) break reading
        entries.push(subscription.format === 'ocsf' ? toOcsf(entry.stored) : viewEntry(entry, subscription))
        lastTime = entry.shown.time
        bytes += entry.stored.leaf.length + JSON.stringify(entry.shown.facts ?? null).length
      }
      upto = entry.position + 1
    }
  }
  if (entries.length === 0) return { upto, sent: undefined }
  const data = {
    tenant: formatId('tenant', tenantId),
    log: shard,
    after: start.told - 1,
    position: upto - 1,
    entries,
  }
  const body = plainJson({ type: messageType, timestamp: lastTime, data })
  return { upto, sent: { id: messageId(start.webhookId, body), body, entries: entries.length } }
}

function messageId(webhookId: string, body: string): string {
  const hash = createHash('sha256').update(`${webhookId}\n${body}`).digest('hex')
  return formatId('message', formatUuid(hash.slice(0, 32)))
}
