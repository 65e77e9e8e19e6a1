// npm run drift [-- --write]: `db/check-drift.ts` on a PostgreSQL of its own.
import { spawnSync } from 'node:child_process'
import { startRunCluster } from './run-cluster.ts'

const cluster = await startRunCluster()
const { status } = spawnSync(process.execPath, ['db/check-drift.ts', cluster.adminUrl, ...process.argv.slice(2)], {
  stdio: 'inherit',
})
await cluster.stop()
process.exitCode = status ?? 1
