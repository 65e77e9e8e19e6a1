// `mayfly run` as it is used: real processes, signals, files, a broker on real sockets.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decodeJwt } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { sweepAccounts } from '#core/reaper/sweep.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { sweepDepsOf } from '#test/setup/sweeping.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from './use-cli.ts'

const broker = useBroker()
const person = usePerson()
const main = resolve('apps/cli/main.ts')

interface Started {
  readonly taskId: string
  readonly pid: number
  readonly said: { out: string; err: string }
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  kill(signal: NodeJS.Signals): void
}

/** The same on a terminal of its own; `type` is what a person types. */
function startOnTerminal(file: string): Started & { type(text: string): void } {
  const { taskId, flags, env } = prepare()
  const line = [process.execPath, main, 'run', ...flags, '--', process.execPath, file].map(word => `'${word}'`).join(' ')
  const child = spawn('/usr/bin/script', ['-qec', `exec ${line}`, '/dev/null'], { cwd: person.home, env, stdio: 'pipe' })
  return { ...follow(child, taskId), type: text => void child.stdin.write(text) }
}

/** `mayfly run` of a script for Node, which says what it wants to be known as lines of JSON. */
function start(script: string, more: readonly string[] = [], words = [process.execPath, '-e', script]): Started {
  const { taskId, flags, env } = prepare()
  const child = spawn(process.execPath, [main, 'run', ...flags, ...more, '--', ...words], {
    cwd: person.home,
    env,
    stdio: 'pipe',
  })
  return follow(child, taskId)
}

function prepare() {
  const { running } = broker
  const taskId = randomUUID()
  const flags = [
    ...['--task', taskId, '--resource', resourceUri, '--scope', 'orders:read'],
    ...['--subject-token-file', person.file(`${taskId}.jwt`, running.mint({ runId: taskId }))],
    ...['--cert', person.file('agent.pem', running.certificate.chainPem)],
    ...['--key', person.file('agent.key', running.certificate.keyPem)],
  ]
  const env = { HOME: person.home, PATH: process.env['PATH'], TMPDIR: person.home, ...environmentOf(broker, person) }
  return { taskId, flags, env }
}

function follow(child: ChildProcessWithoutNullStreams, taskId: string): Started {
  const said = { out: '', err: '' }
  child.stdout.on('data', data => {
    said.out += data
  })
  child.stderr.on('data', data => {
    said.err += data
  })
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  return { taskId, pid: child.pid!, said, ended, kill: signal => void child.kill(signal) }
}

/** What the command said in its first line. */
async function told<T>({ said }: Started): Promise<T> {
  await vi.waitFor(() => expect(said.out, said.err).toContain('\n'), { timeout: 20_000, interval: 20 })
  return JSON.parse(said.out.split('\n')[0]!)
}

const accountOf = async ({ taskId }: Started) => {
  const { body } = await broker.running.v1('GET', `/v1/accounts?task_id=${taskId}`)
  return body.items[0]
}
const waiting = `
  process.on('SIGTERM', () => process.exit(7))
  process.on('SIGINT', () => process.exit(8))
  setInterval(() => {}, 1000)
  console.log(JSON.stringify({ ...process.env, pid: process.pid }))`

interface Environment {
  readonly MAYFLY_TOKEN: string
  readonly MAYFLY_TOKEN_FILE: string
  readonly MAYFLY_TOKEN_SOCKET: string
  readonly MAYFLY_ACCOUNT_ID: string
  readonly MAYFLY_TASK_ID: string
}

describe('a command that ends by itself', () => {
  test('had a token for its task, and its account is completed; its exit code is passed on', async () => {
    const ran = start('console.log(JSON.stringify(process.env)); process.exit(3)')
    expect(await ran.ended).toEqual({ code: 3, signal: null })
    const env = await told<Environment>(ran)
    expect(decodeJwt(env.MAYFLY_TOKEN)).toMatchObject({
      aud: resourceUri,
      task_id: ran.taskId,
      account_id: env.MAYFLY_ACCOUNT_ID,
    })
    expect(env.MAYFLY_TASK_ID).toBe(ran.taskId)
    expect(await accountOf(ran)).toMatchObject({ id: env.MAYFLY_ACCOUNT_ID, state: 'completed' })
    expect(existsSync(env.MAYFLY_TOKEN_FILE)).toBe(false)
    expect(ran.said.err).toBe('')
  })

  test('always finds a good token in its file, which only its owner reads, and at its socket', async () => {
    const script = `
      const { readFileSync, statSync } = require('node:fs')
      const file = process.env.MAYFLY_TOKEN_FILE
      const first = readFileSync(file, 'utf8')
      const timer = setInterval(() => {
        const now = readFileSync(file, 'utf8')
        if (now === first) return
        clearInterval(timer)
        const mode = (statSync(file).mode & 0o777).toString(8)
        require('node:net').connect(process.env.MAYFLY_TOKEN_SOCKET).on('data', data =>
          console.log(JSON.stringify({ mode, first: first.trim(), now: now.trim(), socket: String(data).trim() })))
      }, 20)`
    const ran = start(script, ['--ttl', '5s'])
    const { mode, first, now, socket } = await told<Record<string, string>>(ran)
    expect((await ran.ended).code).toBe(0)
    expect(mode).toBe('600')
    expect(socket).toBe(now)
    expect(decodeJwt(now!)['account_id']).toBe(decodeJwt(first!)['account_id'])
    expect(decodeJwt(now!).exp).toBeGreaterThan(decodeJwt(first!).exp!)
  })

  test('may use mayfly itself: its task token is not taken for an operator’s', async () => {
    const ran = start('', [], [process.execPath, main, 'whoami', '--json'])
    expect((await ran.ended).code).toBe(1)
    expect(ran.said.err).toContain('mayfly login')
    expect(ran.said.err).not.toContain('both set')
  })
})

describe('a command that is stopped', () => {
  test.each([
    ['SIGTERM', 7],
    ['SIGINT', 8],
  ] as const)('by %s gets the signal, once; its account is revoked, and its exit code passed on', async (signal, code) => {
    const ran = start(waiting)
    const env = await told<Environment>(ran)
    ran.kill(signal)
    expect(await ran.ended).toEqual({ code, signal: null })
    expect(await accountOf(ran)).toMatchObject({ state: 'revoked', live: false })
    expect(existsSync(env.MAYFLY_TOKEN_FILE)).toBe(false)
  })

  test.skipIf(!existsSync('/usr/bin/script'))('by Ctrl-C on a terminal gets it once, from the terminal itself', async () => {
    const count = `let n = 0
      process.on('SIGINT', () => { n += 1 })
      console.log(JSON.stringify(process.env))
      setInterval(() => n > 0 && setTimeout(() => process.exit(n), 300), 20)`
    const ran = startOnTerminal(person.file('count.cjs', count))
    await told(ran)
    ran.type('\x03')
    expect((await ran.ended).code).toBe(1)
    expect((await accountOf(ran)).state).toBe('revoked')
  })

  test('and does not end is killed after the grace; by a second signal at once', async () => {
    const deaf = "process.on('SIGTERM', () => console.log('{}')); console.log('{}'); setInterval(() => {}, 1000)"
    const patient = start(deaf, ['--grace', '1s'])
    const hurried = start(deaf, ['--grace', '10m'])
    await Promise.all([told(patient), told(hurried)])
    patient.kill('SIGTERM')
    hurried.kill('SIGTERM')
    await vi.waitFor(() => expect(hurried.said.out).toBe('{}\n{}\n'), { timeout: 10_000 })
    hurried.kill('SIGTERM')
    expect([(await patient.ended).code, (await hurried.ended).code]).toEqual([137, 137])
    expect([(await accountOf(patient)).state, (await accountOf(hurried)).state]).toEqual(['revoked', 'revoked'])
  })

  test('by a signal from elsewhere is told as a shell tells it, and its account is revoked', async () => {
    const ran = start("console.log('{}'); process.kill(process.pid, 'SIGKILL')")
    expect((await ran.ended).code).toBe(137)
    expect((await accountOf(ran)).state).toBe('revoked')
  })

  test('with mayfly itself, by kill -9, leaves an account that nobody can use once its time is over', async () => {
    const ran = start(waiting)
    const env = await told<Environment & { readonly pid: number }>(ran)
    ran.kill('SIGKILL')
    expect((await ran.ended).signal).toBe('SIGKILL')
    process.kill(env.pid, 'SIGKILL')
    expect((await accountOf(ran)).state).toBe('active')
    await broker.database
      .admin`update mayfly.account set deadline = clock_timestamp() where id = ${env.MAYFLY_ACCOUNT_ID.slice(5)}::uuid`
    const { running } = broker
    const form = running.form({ task_id: ran.taskId, subject_token: running.mint({ runId: ran.taskId }) })
    expect((await running.token(form, running.certificate)).body.error).toBe('access_denied')
    expect(await accountOf(ran)).toMatchObject({ state: 'expired', live: false })
    // What the worker does each second.
    const sweep = sweepDepsOf(broker.database.database)
    await sweepAccounts(sweep)
    await sweepAccounts(sweep)
    expect((await running.v1('GET', `/v1/accounts/${env.MAYFLY_ACCOUNT_ID}`)).body).toMatchObject({
      state: 'reaped',
      ended_as: 'expired',
    })
  })
})

describe('what cannot run', () => {
  test('is told, and its account is revoked', async () => {
    const ran = start('', [], ['/nowhere/program'])
    expect((await ran.ended).code).toBe(1)
    expect(ran.said.err).toContain('There is no such program')
    expect((await accountOf(ran)).state).toBe('revoked')
  })

  test('for want of a token is not started, and nothing is left behind', async () => {
    const ran = start("require('node:fs').writeFileSync('ran', '')", ['--scope', 'orders:write'])
    expect((await ran.ended).code).toBe(1)
    expect(ran.said.err).toContain('invalid_scope')
    expect(existsSync(`${person.home}/ran`)).toBe(false)
    expect(await accountOf(ran)).toBeUndefined()
  })

  test('says nothing of tokens, whatever goes wrong', async () => {
    const ran = start("process.kill(process.ppid, 'SIGTERM'); setInterval(() => {}, 1000)", ['--grace', '1s'])
    await ran.ended
    expect(ran.said.err).not.toMatch(/eyJ|mf[a-z]_/)
    expect(broker.running.logLines.join('')).not.toContain(readFileSync(`${person.home}/${ran.taskId}.jwt`, 'utf8'))
  })
})
