// One way to log, one redaction list. A log line is one JSON object on stdout: control characters in what strangers sent are
// escaped by JSON, and characters that would reorder or hide text on a terminal (bidi, zero width, separators) here.

import { destination, type Logger, pino } from 'pino'
import { secretPattern } from '#core/ids/secret.ts'

/** Members that never reach a log, wherever they stand. */
const redacted = [
  'authorization',
  'cookie',
  'subject_token',
  'actor_token',
  'assertion',
  'access_token',
  'token',
  'secret',
  'password',
  'private',
]

const hidden = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu
const escapedUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
/** A compact JWS anywhere in a text. */
const jwt = /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g

/** Makes a finished line safe: our secrets and JWTs out, invisible characters as escapes. The line stays the same JSON otherwise. */
function sanitizeLine(line: string): string {
  return line
    .replace(secretPattern, '[redacted]')
    .replace(jwt, '[redacted]')
    .replace(hidden, character => character.split('').map(escapedUnit).join(''))
}

/** app: which process writes; level: pino's. write: where lines go, stdout by default. */
export function createLogger(app: string, level: string, write?: (line: string) => void): Logger {
  const out = write ? undefined : destination({ fd: 1, sync: false })
  return pino(
    {
      level,
      base: { app },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: redacted.flatMap(name => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
      serializers: { err: pino.stdSerializers.err },
    },
    { write: line => (write ?? (text => out?.write(text)))(sanitizeLine(line)) },
  )
}
