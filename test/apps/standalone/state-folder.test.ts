import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStateFolder, STATE_FORMAT } from '#apps/standalone/state-folder.ts'

let home: string
let dir: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mayfly-state-'))
  dir = join(home, 'state')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

test('is made for its owner alone, also when it was open before', () => {
  openStateFolder(dir).release()
  chmodSync(dir, 0o755)
  openStateFolder(dir).release()
  expect(statSync(dir).mode & 0o777).toBe(0o700)
})

test('keeps secrets whole and at 0600, and makes a missing one only once', () => {
  const state = openStateFolder(dir)
  const first = state.getOrCreateSecret('keys/kek', () => 'first')
  expect(state.getOrCreateSecret('keys/kek', () => 'second')).toBe(first)
  state.writeSecret('keys/kek', 'third')
  expect(state.findSecret('keys/kek')).toBe('third')
  expect(statSync(join(dir, 'keys')).mode & 0o777).toBe(0o700)
  expect(statSync(join(dir, 'keys', 'kek')).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(dir, 'keys'))).toEqual(['kek'])
  state.release()
})

test('refuses a secret that others could read', () => {
  const state = openStateFolder(dir)
  state.writeSecret('kek', 'x')
  chmodSync(state.path('kek'), 0o644)
  expect(() => state.findSecret('kek')).toThrow(/can be read or written by other users/)
  state.release()
})

test.each([
  [JSON.stringify({ format: STATE_FORMAT + 1 }), /a newer Mayfly wrote it/],
  ['{"format":"1"}', /is damaged/],
  ['', /is damaged/],
])('refuses version.json %j', (text, message) => {
  openStateFolder(dir).release()
  writeFileSync(join(dir, 'version.json'), text)
  expect(() => openStateFolder(dir)).toThrow(message)
})

test('belongs to one process at a time; the second is told which, and a killed one leaves no lock', async () => {
  const module = resolve('apps/standalone/state-folder.ts')
  const script = `(await import(${JSON.stringify(module)})).openStateFolder(${JSON.stringify(dir)}); console.log('up'); setInterval(() => {}, 60000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(createInterface(holder.stdout), 'line')
  expect(() => openStateFolder(dir)).toThrow(new RegExp(`already runs on the state folder .* \\(process ${holder.pid}\\)`))
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  openStateFolder(dir).release()
})

test('refuses a file in its place', () => {
  writeFileSync(dir, '')
  expect(() => openStateFolder(dir)).toThrow(/cannot use the state folder/)
})
