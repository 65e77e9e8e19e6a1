import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { Agent, fetch } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idpStateFile, loadOrCreateIdpKeys } from '#apps/idp/idp-state.ts'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../../../apps/idp/main.ts')
const print = join(import.meta.dirname, '../../../apps/idp/print-workload-token.ts')
let folder: string
let env: Record<string, string>
let caPem: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mayfly-idp-'))
  const now = new Date()
  const ca = await createDevCa({ now })
  caPem = ca.certificatePem
  const server = await issueServerCertificate(ca, { hosts: ['localhost'], now })
  await writeFile(join(folder, 'cert.pem'), server.chainPem)
  await writeFile(join(folder, 'key.pem'), server.keyPem)
  env = {
    PATH: process.env['PATH'] ?? '',
    MAYFLY_STATE_DIR: folder,
    MAYFLY_IDP_PORT: '0',
    MAYFLY_IDP_TLS_CERT_FILE: join(folder, 'cert.pem'),
    MAYFLY_IDP_TLS_KEY_FILE: join(folder, 'key.pem'),
  }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('apps/idp as a process', () => {
  it('serves the keys that print-workload-token signs with, and keeps them over a restart', async () => {
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const agent = new Agent({ connect: { ca: caPem } })
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const issuer = line.split(' ').at(-1)!
      const { stdout } = await run(process.execPath, [print, '--state', folder, '--sub', 's', '--aud', 'a', '--run-id', '7'], {
        env,
      })
      const jwks = await (await fetch(`${issuer}/jwks`, { dispatcher: agent })).json()
      const { payload } = await jwtVerify(stdout.trim(), createLocalJWKSet(jwks as never), { issuer, audience: 'a' })
      expect(payload).toMatchObject({ sub: 's', run_id: '7' })
      const again = await loadOrCreateIdpKeys(folder)
      expect((jwks as { keys: { kid: string }[] }).keys.map(key => key.kid)).toEqual(again.keys.map(key => key.kid))
      expect((await stat(idpStateFile(folder))).mode & 0o777).toBe(0o600)
    } finally {
      await agent.close()
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    expect(child.exitCode).toBe(0)
  })

  it.each([{ NODE_ENV: 'production' }, { MAYFLY_MODE: 'production' }, { MAYFLY_IDP_HOST: '0.0.0.0' }])(
    'does not start with %o',
    async change => {
      await expect(run(process.execPath, [main], { env: { ...env, ...change } })).rejects.toMatchObject({ code: 1 })
    },
  )

  it('names every problem of its configuration at once', async () => {
    const bad = { PATH: env['PATH']!, MAYFLY_IDP_PORT: 'x', MAYFLY_IDP_ISSUER: 'http://a/' }
    await expect(run(process.execPath, [main], { env: bad })).rejects.toMatchObject({
      stderr: expect.stringMatching(/PORT[\s\S]*ISSUER[\s\S]*CERT_FILE[\s\S]*KEY_FILE/),
    })
  })

  it('print-workload-token says what is missing and prints no token', async () => {
    await expect(run(process.execPath, [print, '--state', folder, '--aud', 'a'], { env })).rejects.toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('sub must be'),
    })
  })
})
