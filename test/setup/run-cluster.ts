// A PostgreSQL for one run of tests or checks. Its data lies in memory where the system offers that, with durability on as in
// production: what the tests see of commits is what users see.
import { accessSync, chmodSync, constants, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, startCluster } from '#apps/standalone/cluster/cluster.ts'
import { openStateFolder } from '#apps/standalone/state-folder.ts'

const PREFIX = 'mayfly-test-run-'
const ENOUGH_BYTES = 2 * 1024 ** 3

export interface RunClusterOptions {
  /** Where the cost of a commit is what is measured. */
  readonly onDisk?: boolean
  /** More of PostgreSQL's settings. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Starts it; `stop` also removes everything that it wrote. */
export async function startRunCluster({ onDisk = false, settings }: RunClusterOptions = {}): Promise<Cluster> {
  const parent = onDisk ? tmpdir() : pickParent()
  removeLeftovers(parent)
  const home = mkdtempSync(join(parent, PREFIX))
  // PostgreSQL's user must be able to pass, when the tests run as root.
  chmodSync(home, 0o711)
  const remove = () => rmSync(home, { recursive: true, force: true })
  try {
    const state = openStateFolder(join(home, 'state'))
    const cluster = await startCluster({
      state,
      log: text => console.error(`test database: ${text}`),
      systemRoot: join(home, 'system'),
      settings: { max_connections: '200', ...settings },
    })
    const stop = async () => {
      await cluster.stop()
      state.release()
      remove()
    }
    return { ...cluster, stop }
  } catch (error) {
    remove()
    throw error
  }
}

function pickParent(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    const { bavail, bsize } = statfsSync('/dev/shm')
    if (bavail * bsize > ENOUGH_BYTES) return '/dev/shm'
  } catch {
    // Not Linux, or not for us.
  }
  return tmpdir()
}

/** What a run that was killed could not remove; a folder whose lock is free belongs to nobody any more. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent).filter(entry => entry.startsWith(PREFIX))) {
    try {
      openStateFolder(join(parent, name, 'state')).release()
      rmSync(join(parent, name), { recursive: true, force: true })
    } catch {
      // In use by another run, or another user's.
    }
  }
}
