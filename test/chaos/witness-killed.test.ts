// A witness that is killed at any moment has, when it is back, at least what it has answered.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { formatVerifierKey } from '#core/tlog/note.ts'
import { formatAddCheckpoint } from '#core/witness/add-checkpoint.ts'
import { createTestLog } from '#test/core/witness/tree.ts'

const rounds = 6
const state = mkdtempSync(join(tmpdir(), 'mayfly-witness-killed-'))
const log = createTestLog('broker.example/log/one')
let running: ChildProcess | undefined
afterAll(() => {
  running?.kill('SIGKILL')
  rmSync(state, { recursive: true, force: true })
})

async function start(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const words = ['witness', '--json', '--name', 'witness.example/w1', '--state', state, '--listen', '127.0.0.1:0']
  const vkey = formatVerifierKey(log.signer.verifierKey)
  const child = spawn(process.execPath, ['apps/cli/main.ts', ...words, '--log', vkey], { stdio: ['ignore', 'pipe', 'ignore'] })
  running = child
  let said = ''
  for await (const part of child.stdout!) {
    said += part
    if (said.trimEnd().endsWith('}')) break
  }
  return { child, url: JSON.parse(said).url }
}

async function send(
  url: string,
  from: number,
  to: number,
  changed?: ReadonlySet<number>,
): Promise<{ status: number; text: string }> {
  const body = formatAddCheckpoint({
    oldSize: from,
    proof: await log.proof(from, to, changed),
    checkpoint: log.checkpoint(to, changed),
  })
  const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
  return { status: answer.status, text: await answer.text() }
}

test('a killed witness remembers all that it answered, and never goes back', { timeout: 60_000 }, async () => {
  let answered = 0
  for (let round = 0; round < rounds; round++) {
    const { child, url } = await start()
    const { status, text } = await send(url, 0, answered + 1)
    const known = status === 409 ? Number(text) : 0
    // It may have kept one more than it came to answer.
    expect(known).toBeGreaterThanOrEqual(answered)
    expect(known).toBeLessThanOrEqual(answered + 1)
    if (known > 0) expect((await send(url, known, known + 3, new Set([0]))).status).toBe(422)
    let size = status === 200 ? answered + 1 : known
    const killed = new Promise(resolve => child.once('exit', resolve))
    const ended = (async () => {
      for (;;) {
        const next = await send(url, size, size + 1).catch(() => undefined)
        if (next?.status !== 200) return
        size += 1
        answered = size
      }
    })()
    answered = Math.max(answered, size)
    setTimeout(() => child.kill('SIGKILL'), 40 * (round + 1))
    await Promise.all([killed, ended])
  }
  expect(answered).toBeGreaterThan(rounds)
})
