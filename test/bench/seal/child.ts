// What the worker does with the log, in a process of its own: it seals and projects. Says at its end what it used.

import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { createLogger } from '#apps/process/logger.ts'
import { keepObjectsYoung } from '#apps/process/young-objects.ts'
import { startProjection } from '#apps/worker/projection/projection.ts'
import { startSealer } from '#apps/worker/sealer/sealer.ts'
import { openDatabase } from '#db/connect.ts'
import { createSealerLock } from '#db/log/sealer-lock.ts'

keepObjectsYoung()
const { DATABASE_URL: url = '', MAYFLY_LOG_KEY: key = '', FOLDER: folder = '', PROJECT: project } = process.env
const database = openDatabase(url, { poolSize: 2 })
const logger = createLogger('worker', 'warn')
const registry = new Registry()
startSealer({
  settings: {
    keys: [createPrivateKey(key)],
    stateDir: join(folder, 'state'),
    host: 'bench.example',
    tiles: { folder: join(folder, 'tiles') },
  },
  database,
  lock: createSealerLock(url),
  logger,
  registry,
})
if (project) startProjection({ database, logger, registry })
process.on('disconnect', () => process.exit())
process.on('message', () =>
  process.send?.({ cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1_000, rss: process.memoryUsage.rss() }),
)
process.send?.('ready')
