import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DevFile } from '#apps/standalone/dev-file.ts'
import {
  type Child,
  isRunning,
  makeSurroundings,
  postgresPid,
  removeState,
  run,
  type Surroundings,
  start,
  waitFor,
} from './standalone-child.ts'

interface TokenAnswer {
  readonly access_token: string
  readonly account_id: string
  readonly error?: string
}

let surroundings: Surroundings
let stateDir: string
let running: Child & { readonly dev: DevFile }

beforeAll(async () => {
  surroundings = await makeSurroundings()
  stateDir = surroundings['MAYFLY_STATE_DIR']!
  running = await start(surroundings)
}, 120_000)

afterAll(async () => {
  running?.process.kill('SIGTERM')
  await running?.ended
  removeState(stateDir)
}, 60_000)

/** With nothing but what dev.json says: a certificate, a command, a form. */
async function getToken(dev: DevFile, runId: string): Promise<{ status: number; body: TokenAnswer }> {
  const ca = readFileSync(dev.caFile, 'utf8')
  const dispatcher = new Agent({ connect: { ca, cert: readFileSync(dev.agent.certFile), key: readFileSync(dev.agent.keyFile) } })
  const subjectToken = execFileSync('/bin/sh', ['-c', `${dev.agent.subjectTokenCommand} --run-id ${runId}`], { encoding: 'utf8' })
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: subjectToken.trim(),
    resource: dev.resource,
    scope: 'orders:read',
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await request(`${dev.mtlsUrl}/token`, { method: 'POST', dispatcher, headers, body: form.toString() })
  const body = (await answer.body.json()) as TokenAnswer
  await dispatcher.close()
  return { status: answer.statusCode, body }
}

test('writes a dev.json with which any client gets a token', async () => {
  const { status, body } = await getToken(running.dev, 'first')
  expect(body.error).toBeUndefined()
  expect(status).toBe(200)
  expect(body.account_id).toMatch(/^acct_/)
})

test('keeps every secret to its owner', () => {
  expect(statSync(stateDir).mode & 0o777).toBe(0o700)
  const { agent } = running.dev
  const files = [
    'dev.json',
    'operator-token',
    'keys/kek',
    'postgres-password',
    'database/app',
    'tls/ca-key.pem',
    'logs/mayfly.log',
  ]
  for (const file of [...files.map(name => `${stateDir}/${name}`), agent.keyFile])
    expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600])
})

test('prints commands that work as they stand', async () => {
  const token = execFileSync(`${stateDir}/workload-token`, { encoding: 'utf8' })
  expect(token.split('.')).toHaveLength(3)
})

test('refuses a second Mayfly on the same state folder and names the first', async () => {
  const second = run('apps/standalone/main.ts', [], surroundings)
  expect(await second.ended).toBe(1)
  expect(second.err()).toContain(`process ${running.process.pid}`)
  expect(second.err()).toContain('MAYFLY_STATE_DIR')
  expect((await getToken(running.dev, 'first')).status).toBe(200)
})

test('keeps tenant, operator and accounts over kill -9, and leaves no PostgreSQL behind', async () => {
  const before = (await getToken(running.dev, 'survivor')).body
  const postgres = postgresPid(stateDir)
  running.process.kill('SIGKILL')
  expect(await running.ended).toBe('SIGKILL')
  await waitFor(() => !isRunning(postgres))
  const { dev: old } = running
  running = await start(surroundings)
  expect(running.dev).toMatchObject({ tenant: old.tenant, operatorToken: old.operatorToken, issuer: old.issuer })
  expect(running.dev.agent.id).toBe(old.agent.id)
  expect((await getToken(running.dev, 'survivor')).body.account_id).toBe(before.account_id)
}, 60_000)

test('stops at SIGTERM with everything that it started, exit code 0, and starts again', async () => {
  const postgres = postgresPid(stateDir)
  running.process.kill('SIGTERM')
  expect(await running.ended).toBe(0)
  expect(isRunning(postgres)).toBe(false)
  running = await start(surroundings)
  expect((await getToken(running.dev, 'after')).status).toBe(200)
}, 60_000)

test('makes another operator token where the kept one was lost', async () => {
  running.process.kill('SIGTERM')
  await running.ended
  const { dev: old } = running
  rmSync(`${stateDir}/operator-token`)
  running = await start(surroundings)
  expect(running.dev.tenant).toBe(old.tenant)
  expect(running.dev.agent.id).toBe(old.agent.id)
  expect(running.dev.operatorToken).not.toBe(old.operatorToken)
}, 60_000)

test('names the variable that moves a port which somebody else has, before it makes anything', async () => {
  const other = await makeSurroundings()
  const holder = createServer().listen(Number(other['MAYFLY_IDP_PORT']), '127.0.0.1')
  const child = run('apps/standalone/main.ts', [], other)
  expect(await child.ended).toBe(1)
  expect(child.err()).toContain('MAYFLY_IDP_PORT')
  holder.close()
  removeState(other['MAYFLY_STATE_DIR']!)
})

test.each([
  [{ MAYFLY_MODE: 'production' }, 'production mode'],
  [{ MAYFLY_HOST: '0.0.0.0' }, 'does not listen on 0.0.0.0'],
  [{ MAYFLY_PORT: 'https' }, 'MAYFLY_PORT=https is not a port'],
])('refuses to start with %o', async (more, said) => {
  const child = run('apps/standalone/main.ts', [], { ...surroundings, ...more })
  expect(await child.ended).toBe(1)
  expect(child.err()).toContain(said)
})

test('hears a signal that comes with its first word', async () => {
  running.process.kill('SIGTERM')
  await running.ended
  running = await start(surroundings)
  running.process.kill('SIGTERM')
  expect(await running.ended).toBe(0)
})
