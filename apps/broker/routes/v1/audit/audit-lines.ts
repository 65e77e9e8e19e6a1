// Events as lines for programs: NDJSON and CSV. Whatever is not printable ASCII is escaped, so that no text of a stranger can begin a line, turn
// a line round or steer a terminal that shows it.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ShownEvent } from '#core/audit/query/show-event.ts'

export type EventFormat = 'json' | 'ndjson' | 'csv' | 'ocsf'

/** What is asked for by `format`, else by Accept. */
export function formatOf(request: FastifyRequest, named: EventFormat | undefined): EventFormat {
  if (named) return named
  const accept = request.headers.accept ?? ''
  if (/\bapplication\/x-ndjson\b/i.test(accept)) return 'ndjson'
  return /\btext\/csv\b/i.test(accept) ? 'csv' : 'json'
}

const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, each => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Where a semicolon separates cells, what follows one begins a cell: in JSON it can be written so that it is none. */
const cellJson = (value: unknown): string => asciiJson(value).replaceAll(';', '\\u003b')

type Column = readonly [string, (event: ShownEvent & { readonly private?: unknown }) => unknown]

const columns: readonly Column[] = [
  ['position', event => event.position],
  ['id', event => event.id],
  ['time', event => event.time],
  ['type', event => event.type],
  ['decision', event => event.decision],
  ['reason', event => event.reason],
  ['tenant', event => event.tenant],
  ['agent', event => event.agent],
  ['account', event => event.account],
  ['token', event => event.token],
  ['actor_kind', event => event.actor.kind],
  ['actor', event => event.actor.id],
  ['facts', event => (event.facts === null ? undefined : cellJson(event.facts))],
  ['private', event => (event.private === undefined ? undefined : cellJson(event.private))],
  ['receipt', event => event.receipt],
]

/** RFC 4180. A spreadsheet takes what begins with = + - @ for a formula, also behind blanks or its own separator; there stands a quote before it. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = String(value).replace(/[^\x20-\x7e]/g, ' ')
  const safe = typeof value === 'string' ? text.replace(/(^|;)(?= *[=+\-@])/g, "$1'") : text
  return /[",]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** One line for each event; next: the cursor of the page behind this one, sent as the header Next-Cursor. */
export function answerLines(
  reply: Pick<FastifyReply, 'header' | 'type' | 'serializer'>,
  format: 'ndjson' | 'csv',
  events: readonly ShownEvent[],
  next: string | undefined,
): never {
  if (next !== undefined) reply.header('next-cursor', next)
  reply.serializer((text: unknown) => text as string)
  if (format === 'ndjson') {
    reply.type('application/x-ndjson; charset=utf-8')
    return events.map(event => `${asciiJson(event)}\n`).join('') as never
  }
  reply.type('text/csv; charset=utf-8; header=present')
  const lines = events.map(event => columns.map(([, of]) => cell(of(event))).join(','))
  return `${[columns.map(([name]) => name).join(','), ...lines].join('\r\n')}\r\n` as never
}
