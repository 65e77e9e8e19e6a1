// PostgreSQL is not our child but the guard's: a shell that starts it and reads a pipe from us. When the pipe ends, because we
// closed it or because we were killed in any way, it asks PostgreSQL for a fast shutdown. So no way of dying leaves an orphan,
// save killing the guard too; `orphan.ts` sees to that at the next start.
import { type ChildProcess, spawn } from 'node:child_process'
import type { ClusterOwner } from './owner.ts'

// The reader must be the background part, so that the shell itself can wait for PostgreSQL and pass its exit code on.
// Each word on the pipe names a signal for PostgreSQL. The terminal's own signals are ours to handle, so the guard ignores them.
// A signal is sent only while the shell ($$) is there: it has not collected PostgreSQL then, so the pid cannot be anyone else's.
const SCRIPT = `
trap '' INT TERM HUP
exec 3<&0 </dev/null
(trap - INT TERM HUP; exec "$@" 3<&-) &
server=$!
signal() { kill -0 $$ && kill -"$1" $server; }
(while read -r word <&3; do signal "$word"; done; signal INT) 2>/dev/null &
reader=$!
exec 3<&-
wait $server
code=$?
kill -KILL $reader 2>/dev/null
exit $code
`

/** A running PostgreSQL under its guard. */
export type GuardedServer = {
  /** Resolves with PostgreSQL's exit code. */
  readonly exited: Promise<number>
  hasExited(): boolean
  /** Fast shutdown: sessions are ended, everything is written. */
  stop(): void
  /** Immediate shutdown: the next start recovers from the log. */
  stopNow(): void
}

/** Starts `command` under a guard of its own session, as `owner`, with output to the open file `logFd`. */
export function spawnGuarded(
  command: string[],
  options: { owner: ClusterOwner | undefined; cwd: string; logFd: number },
): GuardedServer {
  const { owner, cwd, logFd } = options
  const guard: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'mayfly-guard', ...command], {
    cwd,
    detached: true,
    stdio: ['pipe', logFd, logFd],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(owner && { uid: owner.uid, gid: owner.gid }),
  })
  let exited = false
  const pipe = guard.stdin
  pipe?.on('error', () => {})
  return {
    exited: new Promise((resolve, reject) => {
      guard.once('error', reject)
      guard.once('exit', code => {
        exited = true
        resolve(code ?? 1)
      })
    }),
    hasExited: () => exited,
    stop: () => void pipe?.write('INT\n'),
    stopNow: () => void pipe?.write('QUIT\n'),
  }
}
