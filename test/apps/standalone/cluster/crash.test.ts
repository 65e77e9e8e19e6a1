import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isAlive, processesIn } from '#apps/standalone/cluster/processes.ts'
import { canPlayNobody, childrenOf, eventually, query, Sandbox } from './sandbox.ts'

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
})
afterEach(() => box.remove())

describe.runIf(process.platform === 'linux')('after kill -9', () => {
  test('of Mayfly, PostgreSQL ends by itself and nothing committed is lost', async () => {
    const up = await box.startApart()
    await query(up.adminUrl, 'create table kept as select 7 as n')
    up.process.kill('SIGKILL')
    await eventually(() => !isAlive(up.pid) && processesIn(up.dataDir).length === 0, 'PostgreSQL ended')
    await eventually(() => !isAlive(up.guardPid), 'the guard ended')
    expect(await query((await box.start()).adminUrl, 'select n from kept')).toEqual([{ n: 7 }])
  })

  test('of Mayfly and the guard, the next start ends the orphan and goes on', async () => {
    const up = await box.startApart()
    await query(up.adminUrl, 'create table kept as select 7 as n')
    const watchers = childrenOf(up.guardPid).filter(pid => pid !== up.pid)
    for (const pid of [...watchers, up.guardPid]) process.kill(pid, 'SIGKILL')
    up.process.kill('SIGKILL')
    await eventually(() => up.process.signalCode !== null, 'Mayfly ended')
    expect(isAlive(up.pid)).toBe(true)
    const next = await box.start()
    expect(isAlive(up.pid)).toBe(false)
    expect(await query(next.adminUrl, 'select n from kept')).toEqual([{ n: 7 }])
  })

  test('of PostgreSQL, Mayfly is told, and the next start recovers what was committed', async () => {
    const first = await box.start()
    await query(first.adminUrl, 'create table kept as select 7 as n')
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    await box.stop()
    const second = await box.start()
    expect(second.pid).not.toBe(first.pid)
    expect(await query(second.adminUrl, 'select n from kept')).toEqual([{ n: 7 }])
  })

  test('and a reboot, a process that took the old pid is left alone', async () => {
    const { dataDir } = await box.start()
    const pidFile = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8')
    await box.stop()
    const stranger = spawn('sleep', ['60'])
    try {
      writeFileSync(join(dataDir, 'postmaster.pid'), pidFile.replace(/^\d+/, String(stranger.pid)))
      await box.start()
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
    } finally {
      stranger.kill()
    }
  })
})

test.runIf(process.platform === 'linux')('ends cleanly on SIGTERM and leaves no process', async () => {
  const up = await box.startApart()
  up.process.kill('SIGTERM')
  await eventually(() => up.process.exitCode === 0, 'ended with 0')
  expect(processesIn(up.dataDir)).toEqual([])
  expect(readFileSync(join(box.stateDir, 'logs', 'postgres.log'), 'utf8')).toMatch(/database system is shut down\s*$/)
})

test.runIf(canPlayNobody)('runs as an ordinary user, all inside its state folder', async () => {
  const up = await box.startApart('nobody')
  expect(up.dataDir).toBe(join(box.stateDir, 'postgres', 'data'))
  expect(await query(up.adminUrl, 'select 1 as one')).toEqual([{ one: 1 }])
})
