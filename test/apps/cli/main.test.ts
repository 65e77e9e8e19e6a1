// What only a process of its own has: signals, pipes that close, an exit code.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const main = resolve('apps/cli/main.ts')
const home = mkdtempSync(join(tmpdir(), 'mayfly-main-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

function start(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [main, ...words], { cwd: home, env: { HOME: home, PATH: process.env['PATH'], ...env } })
  const said = { out: '', err: '' }
  child.stdout.on('data', data => {
    said.out += data
  })
  child.stderr.on('data', data => {
    said.err += data
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...said }))
  return { child, said, ended }
}

test('tells its version, and wrong usage by exit code 2', async () => {
  expect(await start(['--version']).ended).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' })
  expect(await start(['agents', 'lits']).ended).toMatchObject({ code: 2, out: '' })
})

test('ends at once on Ctrl-C, by exit code 130, without a word about it', async () => {
  const { child, ended } = start(['trust-sources', 'create', '-f', '-'], { MAYFLY_URL: 'https://127.0.0.1:1' })
  // It reads as soon as it is asked for more than the pipe holds.
  child.stdin.on('error', () => undefined)
  child.stdin.write('x'.repeat(1024 * 1024), () => child.kill('SIGINT'))
  expect(await ended).toEqual({ code: 130, out: '', err: '' })
})

test('says nothing where its reader has had enough', async () => {
  const { child, ended } = start(['--help'])
  child.stdout.destroy()
  expect(await ended).toMatchObject({ code: 0, err: '' })
})
