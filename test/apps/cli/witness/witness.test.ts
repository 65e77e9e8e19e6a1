import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatVerifierKey, openNote } from '#core/tlog/note.ts'
import { formatAddCheckpoint } from '#core/witness/add-checkpoint.ts'
import { createTestLog, type TestLog } from '#test/core/witness/tree.ts'
import { usePerson } from '../use-cli.ts'
import { type RunningWitness, startWitness } from './witness-in-use.ts'

const person = usePerson()
let log: TestLog
let witness: RunningWitness
let vkey: string

beforeEach(async () => {
  log = createTestLog('broker.example/log/one')
  vkey = formatVerifierKey(log.signer.verifierKey)
  witness = await startWitness({ name: 'witness.example/w1', logs: [vkey] })
})
afterEach(() => witness.close())

async function send(from: number, to: number, changed?: ReadonlySet<number>, url = witness.url) {
  const proof = await log.proof(from, to, changed)
  const body = formatAddCheckpoint({ oldSize: from, proof, checkpoint: log.checkpoint(to, changed) })
  const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}

describe('mayfly witness', () => {
  test('cosigns what begins with what it has seen, and answers 409 with the size that it knows', async () => {
    const first = await send(0, 5)
    expect(first.status).toBe(200)
    expect(openNote(log.checkpoint(5) + first.text, [witness.key]).signatures).toHaveLength(1)
    expect(await send(0, 7)).toEqual({ status: 409, type: 'text/x.tlog.size', text: '5\n' })
    expect(await send(5, 7)).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' })
  })

  test('remembers over a restart, under the same key', async () => {
    await send(0, 6)
    expect(await witness.stop()).toBe(0)
    const again = await startWitness({ name: 'witness.example/w1', logs: [vkey], state: witness.state })
    expect(again.vkey).toBe(witness.vkey)
    expect(await send(0, 6, undefined, again.url)).toMatchObject({ status: 409, text: '6\n' })
    expect(await send(6, 9, new Set([1]), again.url)).toMatchObject({ status: 422 })
    await again.stop()
  })

  test('keeps the second of two trees of one size, and says so (attack 41)', async () => {
    await send(0, 4)
    expect(await send(4, 4, new Set([0]))).toMatchObject({ status: 409 })
    expect(witness.told()).toContain('HAS FORKED')
    expect(readdirSync(join(witness.state, 'forks'))).toHaveLength(1)
    await send(4, 4, new Set([0]))
    expect(readdirSync(join(witness.state, 'forks'))).toHaveLength(1)
  })

  test('shows what it has seen of each log to anyone', async () => {
    const empty = await (await fetch(`${witness.url}/logs`)).json()
    expect(empty).toEqual({ witness: witness.vkey, logs: [{ origin: log.origin, checkpoint: null }] })
    await send(0, 2)
    const { logs } = (await (await fetch(`${witness.url}/logs`)).json()) as { logs: { checkpoint: string }[] }
    expect(openNote(logs[0]!.checkpoint, [witness.key, log.signer.verifierKey]).signatures).toHaveLength(2)
  })

  test('takes no large bodies, no other methods, no other paths', async () => {
    const large = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body: 'x'.repeat(70_000) })
    expect(large.status).toBe(413)
    expect((await fetch(`${witness.url}/add-checkpoint`)).status).toBe(405)
    expect((await fetch(`${witness.url}/add-checkpoint/`, { method: 'POST', body: '' })).status).toBe(404)
    expect((await fetch(`${witness.url}/../state/key.pem`)).status).toBe(404)
  })

  test('answers 500 and cosigns nothing where it cannot keep it', async () => {
    rmSync(join(witness.state, 'logs'), { recursive: true })
    writeFileSync(join(witness.state, 'logs'), 'no folder')
    expect(await send(0, 3)).toMatchObject({ status: 500 })
    expect(witness.told()).toContain('Failed')
  })

  test('has its folder for itself, and its key only for itself', async () => {
    expect(statSync(join(witness.state, 'key.pem')).mode & 0o777).toBe(0o600)
    const second = await person.mayfly(['witness', '--name', 'witness.example/w1', '--state', witness.state, '--log', vkey])
    expect(second).toMatchObject({ code: 1, out: '' })
    expect(second.err).toContain('already runs')
  })
})

describe('what is not served', () => {
  const state = () => join(person.home, 'state')
  const run = (...words: string[]) => person.mayfly(['witness', '--name', 'witness.example/w2', '--state', state(), ...words])

  test('shows its key without serving, the same each time; its folder takes no other name', async () => {
    const shown = await run('--show-key')
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/^witness\.example\/w2\+[0-9a-f]{8}\+B/) })
    expect((await run('--show-key')).out).toBe(shown.out)
    const renamed = await person.mayfly(['witness', '--name', 'other', '--state', state(), '--show-key'])
    expect(renamed.err).toContain('belongs to the witness witness.example/w2')
  })

  test.each([
    ['no log', []],
    ['a key that is none', ['--log', 'broker+00000000+AAAA']],
    ['an address for others without TLS', ['--listen', '0.0.0.0:0']],
    ['half of a certificate', ['--tls-cert', 'cert.pem']],
    ['an address that is none', ['--listen', 'here']],
  ])('with %s it says what is wrong', async (what, words) => {
    const ran = await run(...(what === 'no log' || words[0] === '--log' ? words : ['--log', vkey, ...words]))
    expect(ran).toMatchObject({ code: 2, out: '' })
  })

  test('with the key of a witness in place of a log’s it says so', async () => {
    const { out } = await run('--show-key')
    expect((await run('--log', out.trim())).err).toContain("a witness's, not a log's")
  })
})
