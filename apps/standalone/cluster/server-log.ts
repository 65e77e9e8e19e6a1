// PostgreSQL writes its log straight to a file, so that it neither waits for us nor dies with us. The file is opened for
// appending, so it can be cut while PostgreSQL writes.
import { closeSync, copyFileSync, fchmodSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'

const MAX_BYTES = 8 * 1024 * 1024
const CHECK_EVERY_MS = 30_000

export type ServerLog = {
  readonly fd: number
  /** What was written since this start, at most the last 4 KB. */
  tail(): string
  close(): void
}

/** Opens `path` for a server to write; beyond 8 MB its content moves to `<path>.1`, which replaces the one before. */
export function openServerLog(path: string): ServerLog {
  const fd = openSync(path, 'a+', 0o600)
  fchmodSync(fd, 0o600)
  const bound = () => {
    if (fstatSync(fd).size <= MAX_BYTES) return
    copyFileSync(path, `${path}.1`)
    ftruncateSync(fd)
  }
  bound()
  const from = fstatSync(fd).size
  const timer = setInterval(bound, CHECK_EVERY_MS).unref()
  return {
    fd,
    tail: () => readTail(fd, from),
    close() {
      clearInterval(timer)
      closeSync(fd)
    },
  }
}

function readTail(fd: number, from: number): string {
  const end = fstatSync(fd).size
  const start = Math.max(end - 4096, Math.min(from, end))
  const bytes = Buffer.alloc(end - start)
  const length = readSync(fd, bytes, 0, bytes.length, start)
  return bytes.toString('utf8', 0, length)
}
