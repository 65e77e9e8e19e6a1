// Fault F5, second half: the disk under PostgreSQL is full. First its tables cannot grow, then its write-ahead log cannot
// either, and it ends itself; when there is space again, it is started again.

import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkLog, soundLog } from './rig/check-log.ts'
import { judgeAnswers } from './rig/judge-answers.ts'
import { startLoad } from './rig/load.ts'
import { OwnPostgres } from './rig/own-postgres.ts'
import { report } from './rig/report.ts'
import { startRig } from './rig/rig.ts'

const size = '320m'
const cleanup = new AsyncDisposableStack()
let disk: string | undefined
let why = 'it needs Linux and the right to mount a small file system (root)'

beforeAll(() => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-disk-'))
  cleanup.defer(() => rmdirSync(folder))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0711`, 'tmpfs', folder], { stdio: 'pipe' })
    // Lazily: a process of PostgreSQL's may take a moment longer to go, and its files with it.
    cleanup.defer(() => void execFileSync('umount', ['-l', folder], { stdio: 'pipe' }))
    disk = folder
  } catch (error) {
    why = `mounting a file system is not permitted here: ${(error as Error).message.trim()}`
  }
})
afterAll(() => cleanup.disposeAsync())

/** Takes all the space that is left; what is returned gives it back. */
function fill(folder: string): () => void {
  const path = join(folder, 'ballast')
  const fd = openSync(path, 'w')
  for (const chunk of [Buffer.alloc(1024 * 1024), Buffer.alloc(4096)])
    try {
      for (;;) writeSync(fd, chunk)
    } catch {
      // Full, for pieces of this size.
    }
  fsyncSync(fd)
  closeSync(fd)
  return () => rmSync(path)
}

test('F5: with a full disk no token is issued and the broker stays; with space again it goes on', async context => {
  if (disk === undefined) return context.skip(why)
  const home = join(disk, 'home')
  execFileSync('mkdir', ['-m', '0711', home])
  const postgres = await OwnPostgres.start({ home, settings: { min_wal_size: '32MB', max_wal_size: '64MB' } })
  cleanup.defer(() => postgres.close())
  const rig = await startRig(postgres.appUrl)
  cleanup.defer(() => rig.close())
  const load = startLoad(rig, { openEvery: 3 })
  cleanup.defer(() => load.stop())
  await load.nextToken()
  const release = fill(disk)
  const admin = postgres.admin()
  const ended = postgres.exited.then(() => 'ended')
  // The log moves on to files that do not exist yet, as it would after some time; then it has no place at all.
  for (let i = 0; i < 50 && (await Promise.race([ended, delay(20)])) !== 'ended'; i++)
    await admin`select pg_switch_wal()`.catch(() => {})
  expect(await Promise.race([ended, delay(15_000, 'still up', { ref: false })])).toBe('ended')
  await admin.end({ timeout: 0 })
  const fullMs = performance.now()
  await expect.poll(() => load.answers.filter(answer => answer.startedMs > fullMs).length, { timeout: 5_000 }).toBeGreaterThan(50)
  const withoutDatabaseUntilMs = performance.now()
  release()
  await postgres.restart()
  const recoveryMs = await load.nextToken()
  await load.stop()
  // What was asked shortly before the end may be answered by the database that is back.
  const full = judgeAnswers(
    load.answers.filter(({ startedMs, ms }) => startedMs > fullMs && startedMs + ms < withoutDatabaseUntilMs),
  )
  const all = judgeAnswers(load.answers)
  const after = postgres.admin()
  const log = await checkLog(after, load.tokens)
  await after.end({ timeout: 2 })
  report('F5 disk full', { full, all, log, recoveryMs })
  expect(Object.keys(full.statuses)).toEqual(['503'])
  expect(Object.keys(all.statuses).sort()).toEqual(['200', '503'])
  expect(all).toMatchObject({ withoutRetryAfter: 0 })
  expect(all.slowestMs).toBeLessThan(1_500)
  expect(recoveryMs).toBeLessThan(5_000)
  expect(Object.fromEntries(load.broken)).toEqual({})
  expect(rig.broker.hasEnded).toBe(false)
  expect(log).toMatchObject(soundLog)
}, 90_000)
