// Entries of the log as syslog messages (RFC 5424), framed for a stream (RFC 6587 § 3.4; over TLS RFC 5425).
//
// A message is printable ASCII throughout: what strangers wrote stands in it as JSON escapes, so that it can neither end the message nor
// begin another one, whatever a collector on the way makes of encodings, line ends and control characters.

import { asciiJson } from '#core/json/plain-json.ts'
import type { EntryView } from './entry.ts'

/** `octets`: its length stands before each message. `lines`: a line feed stands behind it. */
export type SyslogFraming = 'octets' | 'lines'

export interface SyslogOrigin {
  /** RFC 5424 § 6.2.4: the broker's public host. */
  readonly hostname: string
}

/** Log audit (RFC 5424 § 6.2.1). */
const facility = 13
/** For documentation (RFC 5612): Mayfly has no number of its own, and the elements below are named as ours by their first part. */
const enterprise = 32473

const severities = { alert: 1, warning: 4, notice: 5, information: 6 } as const

/** The numerical severity of RFC 5424 § 6.2.1. What needs somebody is an alert, what was refused a warning. */
export function severityOf({ type, decision }: Pick<EntryView, 'type' | 'decision'>): number {
  if (/^change\.break_glass$|^log\.restored$|^audit_stream\.skipped$/.test(type)) return severities.alert
  if (decision === 'deny' || /\.(parked|abandoned|dead_letter)$/.test(type)) return severities.warning
  if (/^token\.|^account\.opened$/.test(type)) return severities.information
  return severities.notice
}

/** One message, without its frame. message: what stands in it, as JSON. */
export function formatSyslog(entry: EntryView, message: unknown, { hostname }: SyslogOrigin): string {
  const { time, type, position, id, tenant, account, agent, token } = entry
  const header = `<${facility * 8 + severityOf(entry)}>1 ${time} ${headerWord(hostname, 255)} mayfly - ${headerWord(type, 32)}`
  const named = { position: String(position), event: id, tenant, account, agent, token }
  const parameters = Object.entries(named).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${parameterValue(value)}"`],
  )
  return `${header} [mayfly@${enterprise} ${parameters.join(' ')}] ${asciiJson(message)}`
}

/** § 6: PRINTUSASCII, at least one. */
const headerWord = (text: string, most: number): string => text.replace(/[^\u0021-\u007e]/g, '').slice(0, most) || '-'

/** § 6.3.3: what would end the value is escaped. Nothing of ours is beyond ASCII. */
const parameterValue = (text: string): string => text.replace(/[^\u0020-\u007e]/g, '?').replace(/["\\\]]/g, '\\$&')

export const frameSyslog = (message: string, framing: SyslogFraming): string =>
  framing === 'octets' ? `${Buffer.byteLength(message)} ${message}` : `${message}\n`
