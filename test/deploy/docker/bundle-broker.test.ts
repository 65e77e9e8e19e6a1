import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleBroker } from '#deploy/docker/bundle-broker.ts'
import { type Rig, startRig } from '#test/chaos/rig/rig.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let folder: string
let program: string
let database: TestDatabase
let rig: Rig
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mayfly-bundle-'))
  program = join(folder, 'broker.js')
  await bundleBroker(program)
  database = await createTestDatabase()
  rig = await startRig(database.urls.app, { program })
})
afterAll(async () => {
  await rig?.close()
  await database?.close()
  await rm(folder, { recursive: true, force: true })
})

test('the bundle issues tokens: both threads, which it starts from their source, sign and verify', async () => {
  const first = await rig.http.token(rig.form('bundled'), rig.certificate)
  const again = await rig.http.token(rig.form('bundled'), rig.certificate)
  expect([first.status, again.status]).toEqual([200, 200])
  expect(again.body['account_id']).toBe(first.body['account_id'])
})

test('the bundle finds what its modules read from beside them: migrations, by which it starts at all, and the version', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  const document = await rig.http.v1('GET', '/openapi.json', rig.operatorToken)
  expect(document.body['info']).toMatchObject({ version })
})
