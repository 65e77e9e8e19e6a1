import { createLogger } from '#apps/process/logger.ts'
import { runUntilSignal } from '#apps/process/run-until-signal.ts'
import { keepObjectsYoung } from '#apps/process/young-objects.ts'
import { readWorkerConfig } from './config.ts'
import { startWorker } from './worker.ts'

keepObjectsYoung()
await runUntilSignal('The worker', async () => {
  const config = readWorkerConfig(process.env)
  return startWorker(config, createLogger('worker', config.logLevel))
})
