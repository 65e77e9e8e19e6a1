// Fills Node's compile cache (NODE_COMPILE_CACHE) while the image is built: types are stripped and code is compiled once, not at
// each start. Node's type stripper, 15 MB of WebAssembly, then stays out of the running process; one file that is not in the cache
// would bring it in, so nothing that runs may be forgotten here.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** Without configuration each says what it misses, and ends; by then all its modules are loaded. */
const roles = ['broker', 'worker', 'migrate', 'guard-proxy', 'idp', 'mayfly', 'health', '']
const threads = ['#core/keys/signing-thread-worker.ts', '#core/subject/verifying-thread-worker.ts']

const entrypoint = fileURLToPath(new URL('entrypoint.ts', import.meta.url))
const { NODE_OPTIONS, NODE_COMPILE_CACHE, PATH } = process.env
for (const role of roles)
  spawnSync(process.execPath, [entrypoint, ...(role ? [role] : [])], {
    env: { NODE_OPTIONS, NODE_COMPILE_CACHE, PATH },
    timeout: 60_000,
  })
// What is loaded only once there is a configuration.
await Promise.all(
  ['#apps/broker/broker.ts', '#apps/worker/worker.ts', '#apps/guard-proxy/guard-proxy.ts', '#deploy/migrate.ts'].map(
    name => import(name),
  ),
)
for (const name of threads) {
  const thread = new Worker(new URL(import.meta.resolve(name)))
  await once(thread, 'online')
  await thread.terminate()
}
flushCompileCache()
