// A sealer in a process of its own, to be killed.

import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { createLogger } from '#apps/process/logger.ts'
import { startSealer } from '#apps/worker/sealer/sealer.ts'
import { openDatabase } from '#db/connect.ts'
import { createSealerLock } from '#db/log/sealer-lock.ts'

// However the test ends, this does too.
process.on('disconnect', () => process.exit())
const { DATABASE_URL: url = '', MAYFLY_LOG_KEY: key = '', FOLDER: folder = '' } = process.env
startSealer({
  settings: {
    keys: [createPrivateKey(key)],
    stateDir: join(folder, 'state'),
    host: 'broker.example',
    tiles: { folder: join(folder, 'tiles') },
  },
  database: openDatabase(url, { poolSize: 2 }),
  lock: createSealerLock(url),
  logger: createLogger('worker', 'silent'),
  registry: new Registry(),
  everyMs: 50,
})
process.send?.('ready')
