import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeCluster } from '#apps/standalone/cluster/location.ts'
import { openStandaloneDatabase } from '#apps/standalone/database.ts'
import { openStateFolder, type StateFolder } from '#apps/standalone/state-folder.ts'
import { Sandbox } from './cluster/sandbox.ts'

let box: Sandbox
let state: StateFolder
beforeEach(() => {
  box = new Sandbox()
  state = openStateFolder(box.stateDir)
})
afterEach(async () => {
  removeCluster(state)
  state.release()
  await box.remove()
})

test('a state folder of another build is left as it is, and the person is told which folder to delete', async () => {
  const open = () =>
    openStandaloneDatabase({
      state,
      databaseUrl: undefined,
      postgresPort: undefined,
      progress: (_, work) => work(),
      log: () => {},
    })
  const first = await open()
  const sql = postgres(first.urls.migrate, { max: 1 })
  await sql`update migration.statements set sha256 = 'other' where name = '0002_accounts'`
  await sql.end()
  await first.stop()
  await expect(open()).rejects.toMatchObject({
    what: `The database in ${state.dir} belongs to another build of Mayfly.`,
    why: expect.stringContaining('0002_accounts'),
    remedy: expect.stringContaining(`rm -rf '${state.dir}'`),
  })
})
