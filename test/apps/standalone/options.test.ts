import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readPorts, readStandaloneOptions } from '#apps/standalone/options.ts'
import { StartupError } from '#apps/standalone/startup-error.ts'

test('has a value for everything', () => {
  expect(readPorts({})).toEqual({ public: 8443, mtls: 8444, idp: 8445, orders: 8446, metrics: 9464 })
  expect(readStandaloneOptions({})).toMatchObject({ databaseUrl: undefined, redisUrl: undefined, logLevel: 'info' })
})

test.each([
  [{ MAYFLY_MODE: 'production' }, /production/],
  [{ NODE_ENV: 'production' }, /production/],
  [{ MAYFLY_HOST: '0.0.0.0' }, /loopback/],
  [{ MAYFLY_HOST: 'broker.example' }, /loopback/],
  [{ MAYFLY_HOST: '192.168.1.7' }, /loopback/],
  [{ DATABASE_URL_FILE: '/nowhere/at/all' }, /DATABASE_URL_FILE/],
  [{ MAYFLY_POSTGRES_PORT: '70000' }, /MAYFLY_POSTGRES_PORT/],
  [{ MAYFLY_LOG_WITNESSES: 'nowhere.json' }, /MAYFLY_LOG_WITNESSES/],
])('refuses %o', (env, said) => {
  expect(() => readStandaloneOptions(env)).toThrow(StartupError)
  expect(() => readStandaloneOptions(env)).toThrow(said)
})

test.each([{ MAYFLY_HOST: '127.0.0.1' }, { MAYFLY_HOST: 'localhost' }, { MAYFLY_HOST: '::1' }])('accepts %o', env => {
  expect(() => readStandaloneOptions(env)).not.toThrow()
})

test('is told of witnesses, as a worker of its own would be', () => {
  const vkey = 'witness.you.example/w1+be8b94ba+BBLkWt3bJGqXatDrI3kXzWpLGI8+/mVqF3uWohYhkf5K'
  const env = { MAYFLY_LOG_WITNESSES: JSON.stringify([{ vkey, url: 'http://127.0.0.1:8555/' }]) }
  expect(readStandaloneOptions(env).witnesses).toMatchObject([{ url: 'http://127.0.0.1:8555' }])
  expect(readStandaloneOptions({}).witnesses).toEqual([])
})

test.each([
  [{ MAYFLY_PORT: '0' }, /MAYFLY_PORT=0 is not a port/],
  [{ MAYFLY_IDP_PORT: '12.5' }, /MAYFLY_IDP_PORT/],
  [{ MAYFLY_PORT: '9000', MAYFLY_MTLS_PORT: '9000' }, /MAYFLY_MTLS_PORT and MAYFLY_PORT are both 9000/],
])('refuses the ports %o', (env, said) => expect(() => readPorts(env)).toThrow(said))

test('reads a database URL from a file, which keeps it out of the environment', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mayfly-options-'))
  writeFileSync(join(dir, 'url'), 'postgres://admin@db.example/mayfly\n')
  chmodSync(join(dir, 'url'), 0o600)
  expect(readStandaloneOptions({ DATABASE_URL_FILE: join(dir, 'url') }).databaseUrl).toBe('postgres://admin@db.example/mayfly')
  rmSync(dir, { recursive: true })
})
