import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fixture, outcomeOf } from './fixture.ts'

let project: Fixture
beforeEach(() => {
  project = new Fixture()
})
afterEach(() => project.remove())

const LOCK = '.mayfly/setup.lock'
const until = async (met: () => boolean) => {
  const end = performance.now() + 10_000
  while (!met()) {
    if (performance.now() > end) throw new Error('never came')
    await delay(10)
  }
}

describe('a fresh clone', () => {
  test('installs what is locked, without install scripts, then runs the command with clean stdout', async () => {
    const { code, stdout, stderr } = await project.launch(['test', 'core', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ asked: ['core', '--json'], cwd: project.root, sameNode: true })
    expect(project.calls()).toHaveLength(1)
    expect(project.calls()[0]).toMatch(/^ci .*--ignore-scripts/)
    expect(stderr).toMatch(/Installing the locked dependencies …\n✔ .*\(\d+\.\d s\)/)
  })

  test('is installed by an npm that runs on the Node of the command, as npm leaves out what is too new for its own', async () => {
    mkdirSync(project.path('old'))
    writeFileSync(project.path('old', 'node'), '#!/bin/sh\nexit 9\n', { mode: 0o755 })
    const PATH = [project.path('fake-npm'), project.path('old'), '/usr/bin', '/bin'].join(delimiter)
    expect((await project.launch(['test'], { PATH })).code).toBe(0)
    expect(readFileSync(project.path('fake-npm', 'ran-on'), 'utf8')).toBe(process.execPath)
  })

  test('is set up once, however many commands start at the same time', async () => {
    const all = await Promise.all([project.launch(['test', 'a']), project.launch(['test', 'b']), project.launch(['test', 'c'])])
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(project.calls()).toHaveLength(1)
    expect(existsSync(project.path(LOCK))).toBe(false)
  })

  test('tells the second command whom it waits for', async () => {
    const gate = project.path('gate')
    project.npm({ waitFor: gate })
    const first = project.spawn(['test'])
    const firstEnd = outcomeOf(first)
    await until(() => project.calls().length === 1)
    const second = project.spawn(['test'])
    const said = new Promise<string>(done => second.stderr?.setEncoding('utf8').once('data', done))
    expect(await said).toContain(`process ${first.pid}) is setting up`)
    writeFileSync(gate, '')
    expect([(await firstEnd).code, (await outcomeOf(second)).code]).toEqual([0, 0])
  })
})

describe('with everything in place', () => {
  beforeEach(async () => void (await project.launch(['test'])))

  test('calls no npm, says nothing, and adds less than 150 ms', async () => {
    const times: number[] = []
    for (let i = 0; i < 4; i++) {
      const begun = performance.now()
      expect((await project.launch(['test', 'exit', '0'])).stderr).toBe('')
      times.push(performance.now() - begun)
    }
    expect(project.calls()).toHaveLength(1)
    // Two starts of Node and the launcher; the quickest of four, as other tests take the processor.
    expect(Math.min(...times)).toBeLessThan(250)
  })

  test("passes the command's exit code on", async () => {
    expect((await project.launch(['test', 'exit', '7'])).code).toBe(7)
  })

  test('installs again when the lockfile changed, or node_modules went', async () => {
    project.lock('two')
    expect((await project.launch(['test'])).code).toBe(0)
    expect(project.calls()).toHaveLength(2)
    rmSync(project.path('node_modules'), { recursive: true })
    expect((await project.launch(['test'])).code).toBe(0)
    expect(project.calls()).toHaveLength(3)
  })

  test('takes "npm run demo --json" as "npm run demo -- --json", and only for commands that know it', async () => {
    mkdirSync(project.path('apps/standalone'), { recursive: true })
    writeFileSync(project.path('apps/standalone/demo.ts'), 'console.log(process.argv.slice(2).join())')
    expect((await project.launch(['demo', '-x'], { npm_config_json: 'true' })).stdout).toBe('-x,--json\n')
    expect((await project.launch(['demo', '--json'], { npm_config_json: 'true' })).stdout).toBe('--json\n')
    expect(JSON.parse((await project.launch(['test'], { npm_config_json: 'true' })).stdout).asked).toEqual([])
  })

  test('takes what npm install left, when it is what the lockfile names', async () => {
    project.lock('two')
    writeFileSync(project.path('node_modules/.package-lock.json'), readFileSync(project.path('package-lock.json')))
    expect((await project.launch(['test'])).code).toBe(0)
    expect(project.calls()).toHaveLength(1)
  })
})

describe('a launcher that was killed', () => {
  test('leaves a lock that the next one takes over', async () => {
    mkdirSync(project.path('.mayfly'))
    writeFileSync(project.path(LOCK), '4194304')
    expect((await project.launch(['test'])).code).toBe(0)
    expect(project.calls()).toHaveLength(1)
  })

  test('by SIGTERM takes its npm with it and leaves no lock', async () => {
    project.npm({ waitFor: project.path('never') })
    const child = project.spawn(['test'])
    await until(() => project.calls().length === 1 && readFileSync(project.path(LOCK), 'utf8').includes(' '))
    const npm = Number(readFileSync(project.path(LOCK), 'utf8').split(' ')[1])
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(143)
    expect(() => process.kill(npm, 0)).toThrow(/ESRCH/)
    expect(existsSync(project.path(LOCK))).toBe(false)
  })

  test('by SIGKILL holds the next one back until its npm is gone', async () => {
    const gate = project.path('gate')
    project.npm({ waitFor: gate })
    const first = project.spawn(['test'])
    await until(() => existsSync(project.path(LOCK)) && readFileSync(project.path(LOCK), 'utf8').includes(' '))
    const npm = Number(readFileSync(project.path(LOCK), 'utf8').split(' ')[1])
    first.kill('SIGKILL')
    await once(first, 'exit')
    const second = project.spawn(['test'])
    const end = outcomeOf(second)
    const [said] = await once(second.stderr!, 'data')
    expect(String(said)).toContain(`process ${npm}) is setting up`)
    writeFileSync(gate, '')
    expect((await end).code).toBe(0)
  })
})
