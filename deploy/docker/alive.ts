// A process without a port shows that its event loop turns by touching a file; `health.ts` looks at the file's age.

import { closeSync, openSync, statSync, utimesSync } from 'node:fs'

const file = '/tmp/alive'
const everyMs = 5_000
const tooOldMs = 30_000

export function keepAliveFile(): void {
  closeSync(openSync(file, 'w', 0o600))
  setInterval(() => utimesSync(file, new Date(), new Date()), everyMs).unref()
}

/** Throws when the process does not turn, or never began. */
export function checkAliveFile(nowMs: number): void {
  const ageMs = nowMs - statSync(file).mtimeMs
  if (ageMs > tooOldMs) throw new Error(`the last sign of life is ${Math.round(ageMs / 1000)} s old`)
}
