// npm run drift: `db/check-drift.ts` on a PostgreSQL of its own.

import { spawnSync } from 'node:child_process'
import { startRunCluster } from './run-cluster.ts'

if (process.argv.includes('--help')) {
  console.log(`npm run drift [-- --write]: whether db/schema.ts and db/schema.sql are what the migrations make; 1 when they are not.

  --write   writes both anew`)
  process.exit()
}
const cluster = await startRunCluster()
const { status } = spawnSync(process.execPath, ['db/check-drift.ts', cluster.adminUrl, ...process.argv.slice(2)], {
  stdio: 'inherit',
})
await cluster.stop()
process.exitCode = status ?? 1
