import { mkdtempSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openServerLog } from '#apps/standalone/cluster/server-log.ts'

const home = mkdtempSync(join(tmpdir(), 'mayfly-log-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

test('a log that grew beyond its bound is moved aside once, and stays private', () => {
  const path = join(home, 'postgres.log')
  writeFileSync(path, 'x'.repeat(9 * 1024 * 1024))
  const log = openServerLog(path)
  expect(statSync(path).size).toBe(0)
  expect(statSync(`${path}.1`).size).toBe(9 * 1024 * 1024)
  expect([path, `${path}.1`].map(file => statSync(file).mode & 0o777)).toEqual([0o600, 0o600])
  log.close()
})

test('what is told of a start is only of this start, and its end', () => {
  const path = join(home, 'second.log')
  writeFileSync(path, 'of an earlier start\n')
  const log = openServerLog(path)
  writeSync(log.fd, `${'y'.repeat(10_000)}\nFATAL: the reason\n`)
  expect(log.tail()).toHaveLength(4096)
  expect(log.tail()).toMatch(/FATAL: the reason\n$/)
  expect(log.tail()).not.toContain('earlier')
  log.close()
})
