// What an earlier run left behind. The guard ends PostgreSQL when we die, but the guard can be killed as well, and a quick
// restart can come while the shutdown is still under way. An orphan is ended rather than adopted: a fast shutdown takes a
// fraction of a second, and what then runs has our settings, our guard and our log for certain.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StartupError, systemCode } from '../startup-error.ts'
import { findPostmasterPid } from './postmaster-pid.ts'
import { isAlive, isServerOf, processesIn } from './processes.ts'

const FAST_MS = 20_000
const IMMEDIATE_MS = 5_000
const KILLED_MS = 5_000

/**
 * Ends a PostgreSQL that still runs on `dataDir`, and removes a `postmaster.pid` that names someone else's process. The state
 * folder's lock must be held, so whatever runs there is nobody's.
 * @throws StartupError when something there cannot be ended.
 */
export async function endOrphan(dataDir: string, log: (text: string) => void): Promise<void> {
  const recorded = findPostmasterPid(dataDir)
  if (recorded !== undefined && isAlive(recorded.pid)) {
    if (isServerOf(recorded.pid, dataDir)) await endServer(recorded.pid, log)
    // PostgreSQL believes any living process of its user that the file names, as after a reboot, and would refuse to start.
    else if (processesIn(dataDir).length === 0) rmSync(join(dataDir, 'postmaster.pid'), { force: true })
  }
  await endSessions(dataDir, log)
}

async function endServer(pid: number, log: (text: string) => void): Promise<void> {
  log(`an earlier run left PostgreSQL running (process ${pid}); ending it`)
  const gone = async () => !isAlive(pid)
  if (signal(pid, 'SIGINT') && (await until(gone, FAST_MS))) return
  if (signal(pid, 'SIGQUIT') && (await until(gone, IMMEDIATE_MS))) return
  if (await gone()) return
  throw stuck(pid)
}

/** Sessions of a main process that was killed end by themselves, save those that are stuck; with them no start is possible. */
async function endSessions(dataDir: string, log: (text: string) => void): Promise<void> {
  const gone = async () => processesIn(dataDir).length === 0
  if (await until(gone, IMMEDIATE_MS)) return
  for (const pid of processesIn(dataDir)) {
    log(`a session of an earlier run is stuck (process ${pid}); ending it`)
    signal(pid, 'SIGKILL')
  }
  if (!(await until(gone, KILLED_MS))) throw stuck(processesIn(dataDir)[0] ?? 0)
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (systemCode(error) === 'EPERM') throw stuck(pid)
  }
  return true
}

/** Whether `met` holds within `timeoutMs`. */
export async function until(met: () => Promise<boolean>, timeoutMs: number, everyMs = 10): Promise<boolean> {
  const end = performance.now() + timeoutMs
  while (!(await met())) {
    if (performance.now() > end) return false
    await delay(everyMs)
  }
  return true
}

function stuck(pid: number): StartupError {
  return new StartupError({
    what: 'The database cannot be started.',
    why: `An earlier run left PostgreSQL's process ${pid}, and it cannot be ended from here.`,
    remedy: `Look at it (ps -fp ${pid}) and end it as its user, then start again.`,
  })
}
