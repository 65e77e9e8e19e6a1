// deploy/backup: what was backed up comes back whole, with the owners and rights that keep the log append-only, and nobody is served
// before the way back has begun.

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendBatch } from '#db/log/append.ts'
import { prepareDatabase } from '#db/prepare.ts'
import { findServerFaults } from '#db/server/check-server.ts'
import { createTenant, makeRequest } from '#test/db/log/requests.ts'
import { testPasswords } from '#test/setup/database.ts'
import { findInstalledPostgres, type InstalledPostgres, majorOf, startInstalledPostgres } from '#test/setup/installed-postgres.ts'

const bin = findInstalledPostgres()
const version = bin && majorOf(join(bin, 'postgres'))
const folder = mkdtempSync(join(tmpdir(), 'mayfly-backup-'))
const backup = join(folder, 'yesterday')

describe.runIf(bin !== undefined)(`backup and restore of PostgreSQL ${version}`, () => {
  let server: InstalledPostgres
  let urls: { app: string; queue: string; migrate: string }
  let env: Record<string, string>
  beforeAll(async () => {
    server = await startInstalledPostgres(bin!)
    urls = await prepareDatabase(`${server.url}/postgres`, 'mayfly', testPasswords)
    env = {
      PATH: process.env['PATH'] ?? '',
      PG_BIN: bin!,
      NODE: process.execPath,
      ADMIN_DATABASE_URL: `${server.url}/mayfly`,
      DATABASE_URL: urls.app,
      MAYFLY_PUBLIC_URL: 'https://broker.example',
      MAYFLY_KEK: randomBytes(32).toString('base64url'),
      OPERATOR_TOKEN_FILE: join(folder, 'operator-token'),
    }
  }, 120_000)
  afterAll(async () => {
    await server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const run = (script: string, place: string): Promise<{ code: number; err: string }> =>
    new Promise(resolve => {
      const path = new URL(`../../deploy/backup/${script}`, import.meta.url).pathname
      execFile('sh', [path, place], { env, timeout: 100_000 }, (error, out, err) =>
        resolve({ code: error ? 1 : 0, err: `${out}${err}` }),
      )
    })
  const using = async <T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> => {
    const sql = postgres(url, { max: 1, onnotice: () => {}, types: { bigint: postgres.BigInt } })
    try {
      return await work(sql)
    } finally {
      await sql.end({ timeout: 2 })
    }
  }
  const entries = (sql: Sql) =>
    sql`select e.position::int as position, e.leaf, b.body from log.entry e left join log.body b using (position) order by 1`

  test('what was backed up comes back to the byte, with its owners, rights and triggers; the log goes on under a new name', async () => {
    const before = await using(env['ADMIN_DATABASE_URL']!, async admin => {
      const tenant = await createTenant(admin)
      await using(urls.app, sql =>
        appendBatch(
          sql,
          Array.from({ length: 20 }, () => makeRequest(tenant)),
        ),
      )
      return entries(admin)
    })
    expect(await run('backup.sh', backup)).toMatchObject({ code: 0 })
    expect(statSync(backup).mode & 0o077).toBe(0)

    const taken = await run('restore.sh', backup)
    expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('there is a database mayfly already') })

    await using(`${server.url}/postgres`, sql => sql`alter database mayfly rename to mayfly_lost`)
    const restored = await run('restore.sh', backup)
    expect(restored, restored.err).toMatchObject({ code: 0 })
    await using(env['ADMIN_DATABASE_URL']!, async admin => {
      const after = await entries(admin)
      expect(after.slice(0, before.length)).toEqual([...before])
      expect(JSON.parse(after[before.length]!['leaf'])).toMatchObject({ type: 'log.restored' })
      expect(await admin`select size::int as size from log.fork join log.fork_finished on fork_id = id`).toEqual([
        { size: before.length },
      ])
      expect(await admin`select count(*)::int as keys from mayfly.signing_key where state = 'active'`).toEqual([{ keys: 2 }])
      await expect(admin`delete from log.entry`).rejects.toThrow('append-only')
    })
    await using(urls.app, async sql => {
      expect(await findServerFaults(sql)).toEqual([])
      await expect(sql`delete from log.entry`).rejects.toMatchObject({ code: '42501' })
    })
    expect(readFileSync(env['OPERATOR_TOKEN_FILE']!, 'utf8')).toMatch(/^mfo_/)
    expect(statSync(env['OPERATOR_TOKEN_FILE']!).mode & 0o777).toBe(0o600)
  }, 180_000)

  test('a backup in which a byte was changed is refused before anything is done', async () => {
    const changed = join(folder, 'changed')
    cpSync(backup, changed, { recursive: true })
    appendFileSync(join(changed, 'database.dump'), 'x')
    await using(`${server.url}/postgres`, sql => sql`drop database if exists mayfly with (force)`)
    expect(await run('restore.sh', changed)).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was done') })
    expect(await using(`${server.url}/postgres`, sql => sql`select from pg_database where datname = 'mayfly'`)).toHaveLength(0)
  }, 60_000)

  test('a backup that fails leaves nothing that looks like one', async () => {
    const place = join(folder, 'never')
    const failed = await run('backup.sh', place)
    expect(failed.code).toBe(1)
    expect(existsSync(place)).toBe(false)
  }, 60_000)
})
