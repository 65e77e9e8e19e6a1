// Two launchers at once: the second waits until the first has set everything up. The lock names its holder's pid; one whose
// holder is gone, with the npm that it had started, is taken over. It is made by link(2), so it is never there without its content.
import { appendFileSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { say } from './progress.js'

const LOOK_EVERY_MS = 200

/**
 * Runs `work` while no other launcher sets up the same folder.
 * @template T
 * @param {string} root
 * @param {(hold: (pid: number) => void) => Promise<T>} work `hold` names a child that must be gone, too, before another may start
 */
export async function withSetupLock(root, work) {
  mkdirSync(join(root, '.mayfly'), { recursive: true, mode: 0o700 })
  const path = join(root, '.mayfly', 'setup.lock')
  const mine = `${path}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  const release = () => rmSync(path, { force: true })
  try {
    await acquire(path, mine)
  } finally {
    rmSync(mine, { force: true })
  }
  process.once('exit', release)
  try {
    return await work(pid => appendFileSync(path, ` ${pid}`))
  } finally {
    process.off('exit', release)
    release()
  }
}

async function acquire(path, mine) {
  let told = false
  while (!tryLink(mine, path)) {
    const text = textOf(path)
    if (text === undefined) continue
    const holder = text.split(' ').map(Number).find(isAlive)
    if (holder === undefined) {
      takeAway(path, text)
      continue
    }
    if (!told) say(`  Another start (process ${holder}) is setting up; waiting for it …\n`)
    told = true
    await delay(LOOK_EVERY_MS)
  }
}

/** Moves a dead holder's lock aside. Was it meanwhile replaced by a living one, it is put back. */
function takeAway(path, dead) {
  const aside = `${path}.stale-${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  if (textOf(aside) !== dead) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function tryLink(from, to) {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid < 1 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
