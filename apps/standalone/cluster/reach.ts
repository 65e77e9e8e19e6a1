// Who can get at a path, judged from its mode bits. Access lists may grant more than they show; then we copy needlessly,
// which does no harm.
import { realpathSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { StartupError } from '../startup-error.ts'
import type { ClusterOwner } from './owner.ts'

/** Whether `owner` can enter the folder `path` and read it. */
export function canReach(path: string, owner: ClusterOwner): boolean {
  const target = realpathSync(path)
  return ancestors(target).every(folder => allows(statSync(folder), owner, folder === target ? 0o5 : 0o1))
}

/**
 * Refuses a folder that someone other than root or us could have planted or could change: what lies there is run, or holds
 * the log of record.
 * @throws StartupError
 */
export function assertUnplanted(path: string): void {
  const me = process.getuid?.() ?? 0
  const target = realpathSync(path)
  for (const folder of ancestors(target)) {
    const { uid, mode } = statSync(folder)
    const sticky = (mode & 0o1000) !== 0 && folder !== target
    if ((uid === 0 || uid === me) && ((mode & 0o022) === 0 || sticky)) continue
    throw new StartupError({
      what: `Mayfly does not trust the folder ${target}.`,
      why: `${folder} belongs to the user with id ${uid} and has mode ${(mode & 0o7777).toString(8)}, so someone else could change what lies there.`,
      remedy: `Look at who made it; then remove ${target} or correct the owner and mode of ${folder}.`,
    })
  }
}

/** `path` and all folders above it, from the root down. */
function ancestors(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [...ancestors(parent), path]
}

function allows(entry: Stats, owner: ClusterOwner, bits: number): boolean {
  const shift = entry.uid === owner.uid ? 6 : entry.gid === owner.gid ? 3 : 0
  return ((entry.mode >> shift) & bits) === bits
}
