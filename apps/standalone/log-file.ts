// The logs of all parts go to one file, so that the terminal stays readable; what went wrong is shown there as well.

import { appendFileSync, chmodSync, existsSync, renameSync, statSync } from 'node:fs'
import type { Logger } from 'pino'
import { createLogger } from '#apps/process/logger.ts'

const maxBytes = 16 * 1024 * 1024
const troubled = /"level":"(?:error|fatal)"/

export interface LogFile {
  readonly path: string
  /** A logger for one part, `broker` for example. */
  logger(app: string): Logger
}

/** Lines go to `path` (0600; at a start above 16 MB the old file becomes `<path>.1`); errors are also given to `onTrouble`. */
export function openLogFile(path: string, level: string, onTrouble: (line: string) => void): LogFile {
  if (existsSync(path) && statSync(path).size > maxBytes) renameSync(path, `${path}.1`)
  appendFileSync(path, '', { mode: 0o600 })
  chmodSync(path, 0o600)
  const write = (line: string): void => {
    appendFileSync(path, line)
    if (troubled.test(line)) onTrouble(describe(line))
  }
  return { path, logger: app => createLogger(app, level, write) }
}

function describe(line: string): string {
  try {
    const { app, msg, err } = JSON.parse(line) as { app?: string; msg?: string; err?: { message?: string } }
    return `${app ?? 'mayfly'}: ${[msg, err?.message].filter(Boolean).join(': ')}`
  } catch {
    return line.trim()
  }
}
