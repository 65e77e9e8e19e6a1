import { join } from 'node:path'
import { StartupError } from '../startup-error.ts'
import type { Binaries } from './binaries.ts'
import { type GuardedServer, spawnGuarded } from './guard.ts'
import { until } from './orphan.ts'
import type { ClusterOwner } from './owner.ts'
import { findPostmasterPid, isSameRun, type PostmasterPid } from './postmaster-pid.ts'
import { openServerLog, type ServerLog } from './server-log.ts'
import { serverSettings, settingsArguments } from './settings.ts'

// Recovery after a crash replays at most `max_wal_size` of log, which a slow disk does in this time.
const READY_MS = 120_000
const FAST_STOP_MS = 20_000

export type ServerOptions = {
  readonly binaries: Binaries
  readonly owner: ClusterOwner | undefined
  readonly dataDir: string
  readonly port: number
  readonly logFile: string
  readonly settings?: Record<string, string> | undefined
}

/** Starts PostgreSQL on existing data and waits until it takes connections. @throws StartupError */
export async function startServer(
  options: ServerOptions,
): Promise<{ pid: number; exited: Promise<number>; stop(): Promise<void> }> {
  const { binaries, owner, dataDir, port } = options
  // After a crash the last run's file is still there and says "ready", perhaps with the same port.
  const stale = findPostmasterPid(dataDir)
  const log = openServerLog(options.logFile)
  const settings = settingsArguments(serverSettings(port, options.settings))
  const server = spawnGuarded([join(binaries.root, 'bin', 'postgres'), '-D', dataDir, ...settings], {
    owner,
    cwd: dataDir,
    logFd: log.fd,
  })
  const exited = server.exited.finally(() => log.close())
  exited.catch(() => {})
  try {
    const pid = await becomeReady(server, log, options, stale)
    return { pid, exited, stop: () => stopServer(server, exited) }
  } catch (error) {
    await stopServer(server, exited).catch(() => {})
    throw error
  }
}

/** PostgreSQL says itself when it is ready; asking over the port could reach somebody else who was quicker to take it. */
async function becomeReady(
  server: GuardedServer,
  log: ServerLog,
  options: ServerOptions,
  stale: PostmasterPid | undefined,
): Promise<number> {
  let failure: unknown
  server.exited.catch(error => {
    failure = error
  })
  let pid = 0
  const ready = async () => {
    if (failure !== undefined || server.hasExited()) return true
    const found = findPostmasterPid(options.dataDir)
    if (!found?.ready || isSameRun(found, stale)) return false
    pid = found.pid
    return true
  }
  const inTime = await until(ready, READY_MS, 5)
  if (pid !== 0 && !server.hasExited()) return pid
  throw startFailed(log.tail(), inTime, options, failure)
}

async function stopServer(server: GuardedServer, exited: Promise<number>): Promise<void> {
  server.stop()
  const patience = setTimeout(() => server.stopNow(), FAST_STOP_MS)
  await exited.finally(() => clearTimeout(patience))
}

type Cause = { readonly sign: RegExp; readonly why: (o: ServerOptions) => string; readonly remedy: (o: ServerOptions) => string }

const CAUSES: Cause[] = [
  {
    sign: /no space left/i,
    why: o => `The disk that holds ${o.dataDir} is full.`,
    remedy: () => 'Free some space there and start again; nothing is lost.',
  },
  {
    sign: /address already in use/i,
    why: o => `Another program took port ${o.port} on 127.0.0.1 meanwhile.`,
    remedy: () => 'Start again; a free port is picked.',
  },
  {
    sign: /shared memory/i,
    why: () => 'The system did not give it shared memory, or processes of an earlier run still hold theirs.',
    remedy: o => `Look for PostgreSQL processes with ${o.dataDir} (ps -ef | grep postgres), end them, start again.`,
  },
  {
    sign: /permission denied/i,
    why: o => `It may not read or write something in ${o.dataDir} or its own programs.`,
    remedy: o => `Look into ${o.logFile}; files there must belong to the user that owns ${o.dataDir}.`,
  },
]

function startFailed(said: string, inTime: boolean, options: ServerOptions, cause: unknown): StartupError {
  const what = 'PostgreSQL did not start.'
  const known = CAUSES.find(({ sign }) => sign.test(said))
  if (known !== undefined) return new StartupError({ what, why: known.why(options), remedy: known.remedy(options), cause })
  const last = said.trim().split('\n').slice(-3).join(' | ')
  return new StartupError({
    what,
    why: inTime ? `It ended at once: ${last || 'it said nothing'}` : `It was not ready within ${READY_MS / 1000} s: ${last}`,
    remedy: `Read ${options.logFile}, or set DATABASE_URL to a PostgreSQL of your own.`,
    cause,
  })
}
