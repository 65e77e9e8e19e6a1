// A process that holds a cluster, to be killed in tests: node run-start.ts <state folder> <system root>. Prints one JSON line when up.
import { startCluster } from '#apps/standalone/cluster/cluster.ts'
import { openStateFolder } from '#apps/standalone/state-folder.ts'

const [stateDir, systemRoot] = process.argv.slice(2)
if (stateDir === undefined || systemRoot === undefined) throw new Error('usage: run-start.ts <state folder> <system root>')
const state = openStateFolder(stateDir)
const cluster = await startCluster({ state, systemRoot, log: text => console.error(text) })
process.once('SIGTERM', () => void cluster.stop().then(() => process.exit(0)))
// Keeps the process up, as a server would.
setInterval(() => {}, 60_000)
console.log(JSON.stringify({ pid: cluster.pid, dataDir: cluster.dataDir, adminUrl: cluster.adminUrl }))
