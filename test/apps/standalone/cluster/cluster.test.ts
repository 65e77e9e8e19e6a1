import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StartupError } from '#apps/standalone/startup-error.ts'
import { isRoot, query, Sandbox } from './sandbox.ts'

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
})
afterEach(() => box.remove())

describe('an own PostgreSQL', () => {
  test('keeps data and port over a restart, and is up again within a second', async () => {
    const first = await box.start()
    await query(first.adminUrl, 'create table kept as select 7 as n')
    await box.stop()
    const begun = performance.now()
    const second = await box.start()
    expect(performance.now() - begun).toBeLessThan(1000)
    expect(second.port).toBe(first.port)
    expect(await query(second.adminUrl, 'select n from kept')).toEqual([{ n: 7 }])
  })

  test('stays durable and closed whatever settings are asked for', async () => {
    const { adminUrl } = await box.start({
      settings: { fsync: 'off', listen_addresses: '*', synchronous_commit: 'off', work_mem: '8MB' },
    })
    const [row] = await query(
      adminUrl,
      `select current_setting('fsync') fsync, current_setting('synchronous_commit') commit, current_setting('full_page_writes') pages,
        current_setting('listen_addresses') listen, current_setting('data_checksums') checksums, current_setting('work_mem') work_mem`,
    )
    expect(row).toEqual({ fsync: 'on', commit: 'on', pages: 'on', listen: '127.0.0.1', checksums: 'on', work_mem: '8MB' })
  })

  test('lets nobody in without the password', async () => {
    const { adminUrl } = await box.start()
    const url = new URL(adminUrl)
    url.password = 'guessed'
    await expect(query(url.href, 'select 1')).rejects.toThrow(/password authentication failed/)
  })

  test('keeps the state folder at 0700, its files at 0600, and the password out of its log', async () => {
    const { adminUrl } = await box.start()
    await query(adminUrl, `do $$ begin execute 'alter role nobody_here password ''canary-secret'''; end $$`).catch(() => {})
    expect(statSync(box.stateDir).mode & 0o777).toBe(0o700)
    for (const entry of readdirSync(box.stateDir, { recursive: true, encoding: 'utf8' })) {
      const stat = statSync(join(box.stateDir, entry))
      if (stat.isFile() && !entry.includes('postgres/data'))
        expect(`${entry} ${(stat.mode & 0o777).toString(8)}`).toBe(`${entry} 600`)
    }
    const log = readFileSync(join(box.stateDir, 'logs', 'postgres.log'), 'utf8')
    expect(log).not.toContain(new URL(adminUrl).password)
    expect(log).not.toContain('canary-secret')
  })

  test('makes its data anew when the first attempt was cut off in the middle', async () => {
    const first = await box.start()
    await box.stop()
    rmSync(box.stateDir, { recursive: true })
    mkdirSync(`${first.dataDir}.draft/base`, { recursive: true })
    expect(await query((await box.start()).adminUrl, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test.runIf(isRoot)('keeps data whose state folder was deleted, once', async () => {
    const { dataDir } = await box.start()
    await box.stop()
    rmSync(box.stateDir, { recursive: true })
    expect((await box.start()).dataDir).toBe(dataDir)
    expect(existsSync(join(dataDir, '..', 'data.previous', 'PG_VERSION'))).toBe(true)
  })
})

describe('refuses to start, saying why and what to do', () => {
  test('on data of another PostgreSQL', async () => {
    const { dataDir } = await box.start()
    await box.stop()
    writeFileSync(join(dataDir, 'PG_VERSION'), '14\n')
    await expect(box.start()).rejects.toThrow(/PostgreSQL 14 wrote it/)
  })

  test('when its data is gone, rather than beginning with an empty log', async () => {
    const { dataDir } = await box.start()
    await box.stop()
    rmSync(dataDir, { recursive: true })
    await expect(box.start()).rejects.toThrow(/The database of this state folder is gone/)
  })

  test('on a demanded port that is taken, naming port, holder and variable', async () => {
    const server = createServer()
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    try {
      const refused = await box.start({ port }).catch(error => error)
      expect(refused).toBeInstanceOf(StartupError)
      expect(refused.message).toContain(`Port ${port} (PostgreSQL)`)
      expect(refused.message).toContain('MAYFLY_POSTGRES_PORT')
      if (process.platform === 'linux') expect(refused.message).toContain(`process ${process.pid}`)
    } finally {
      server.close()
    }
  })

  test('takes another port when the one of the last start is taken', async () => {
    const first = await box.start()
    await box.stop()
    const server = createServer()
    await new Promise<void>(done => server.listen(first.port, '127.0.0.1', done))
    try {
      expect((await box.start()).port).not.toBe(first.port)
    } finally {
      server.close()
    }
  })
})
