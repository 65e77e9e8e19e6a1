// Where a command finds its token: a file that is replaced as a whole and that only its owner reads, and a socket beside it that
// gives the current token to whoever connects. Both lie in a folder of their own, which goes when the command has ended.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError, systemCode } from '../cli-error.ts'
import { writePrivateFile } from '../config/private-file.ts'
import type { Io } from '../io.ts'

export interface TokenPlace {
  readonly file: string
  /** Undefined where the system has no sockets with such a path. */
  readonly socket: string | undefined
  write(token: string): void
  close(): void
}

/** The longest path that a socket can have on every system. */
const longestSocketPath = 100

/** Holds `token`. Throws a CliError where no file can be written. */
export async function openTokenPlace(io: Io, token: string): Promise<TokenPlace> {
  const folder = newFolder(io)
  const file = join(folder, 'token')
  let current = token
  writePrivateFile(file, `${token}\n`)
  const path = join(folder, 'token.sock')
  const server = path.length > longestSocketPath ? undefined : await serve(path, () => current)
  return {
    file,
    socket: server && path,
    write(next) {
      current = next
      writePrivateFile(file, `${next}\n`)
    },
    close() {
      server?.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** 0700, in memory where the system offers such a place. */
function newFolder(io: Io): string {
  const failures: string[] = []
  for (const base of [io.env['XDG_RUNTIME_DIR'], io.env['TMPDIR'], tmpdir()]) {
    if (!base) continue
    try {
      return mkdtempSync(join(base, 'mayfly-run-'))
    } catch (error) {
      failures.push(`${base}: ${systemCode(error) ?? 'no'}`)
    }
  }
  throw new CliError({
    what: 'There is no place for the token.',
    why: failures.join('\n'),
    next: 'Set TMPDIR to a folder of yours.',
  })
}

/** The folder keeps others out. Undefined where it cannot listen. */
function serve(path: string, token: () => string): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer(connection => {
      connection.on('error', () => undefined)
      connection.end(`${token()}\n`)
    })
    server.unref()
    server.once('error', () => resolve(undefined))
    server.listen(path, () => resolve(server))
  })
}
