import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { isSecret } from '#core/ids/secret.ts'
import { urlFor } from '#db/prepare.ts'
import { readMigrationConfig, runMigrationStep } from '#deploy/migrate.ts'
import { testPasswords } from '#test/setup/database.ts'

const database = `migration_step_${process.pid}`
const { app, queue, migrate } = testPasswords
const passwords = { APP_PASSWORD: app, QUEUE_PASSWORD: queue, MIGRATE_PASSWORD: migrate }
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-migrate-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  await sql`drop database if exists ${sql(database)} with (force)`
  await sql.end()
})

const hintOf = (env: Record<string, string>): string => {
  try {
    readMigrationConfig(env)
    return ''
  } catch (error) {
    return (error as BrokerError).hint ?? ''
  }
}

test.each([
  ['nothing is set', {}, ['MIGRATE_DATABASE_URL', 'QUEUE_DATABASE_URL', 'ADMIN_DATABASE_URL']],
  ['passwords are missing', { ADMIN_DATABASE_URL: 'postgres://a@b/c' }, ['APP_PASSWORD', 'QUEUE_PASSWORD', 'MIGRATE_PASSWORD']],
  [
    'a file cannot be read',
    { ADMIN_DATABASE_URL_FILE: '/nowhere', ...passwords },
    ['ADMIN_DATABASE_URL_FILE=/nowhere', 'ENOENT'],
  ],
  ['a secret is set twice', { ...passwords, ADMIN_DATABASE_URL: 'x', ADMIN_DATABASE_URL_FILE: '/dev/null' }, ['both set']],
  [
    'a bootstrap token is wanted without a login to make it',
    { MIGRATE_DATABASE_URL: 'x', QUEUE_DATABASE_URL: 'y', BOOTSTRAP_TOKEN_FILE: '/z' },
    ['DATABASE_URL or DATABASE_URL_FILE is missing'],
  ],
])('names every problem at once when %s', (_case, env, parts) => {
  const hint = hintOf(env)
  for (const part of parts) expect(hint).toContain(part)
})

test('reads secrets from files, without the newline at their end', () => {
  const file = join(folder, 'password')
  writeFileSync(file, 'from-a-file\n')
  const env = { ADMIN_DATABASE_URL: 'postgres://a@b/c', ...passwords, APP_PASSWORD: '', APP_PASSWORD_FILE: file }
  expect(readMigrationConfig(env)).toMatchObject({ kind: 'provision', passwords: { app: 'from-a-file' } })
})

test('provisions a server, leaves a bootstrap token that only its owner reads, and migrates again as mere roles', async () => {
  const file = join(folder, 'bootstrap-token')
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const env = { ADMIN_DATABASE_URL: inject('adminUrl'), MAYFLY_DATABASE: database, ...passwords, BOOTSTRAP_TOKEN_FILE: file }
  await runMigrationStep(readMigrationConfig(env), say)
  const token = readFileSync(file, 'utf8').trim()
  expect(isSecret('bootstrap', token)).toBe(true)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(said.join('\n')).not.toContain(token)

  const login = (role: string, password: string) => urlFor(inject('adminUrl'), database, role, password)
  const provisioned = {
    MIGRATE_DATABASE_URL: login('mayfly_migrate', migrate),
    QUEUE_DATABASE_URL: login('mayfly_queue', queue),
  }
  const again = runMigrationStep(readMigrationConfig(provisioned), say)
  await expect(again).rejects.toMatchObject({ hint: expect.stringContaining(`grant create on database "${database}"`) })
  const admin = postgres(inject('adminUrl'), { max: 1 })
  await admin.unsafe(`grant create on database ${database} to mayfly_queue`)
  await admin.end()
  await runMigrationStep(readMigrationConfig(provisioned), say)
})
