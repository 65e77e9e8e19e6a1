import { createLogger } from '#apps/process/logger.ts'
import { runUntilSignal } from '#apps/process/run-until-signal.ts'
import { keepObjectsYoung } from '#apps/process/young-objects.ts'
import { startBroker } from './broker.ts'
import { readBrokerConfig } from './config.ts'

keepObjectsYoung()
await runUntilSignal('The broker', async () => {
  const config = readBrokerConfig(process.env)
  const logger = createLogger('broker', config.logLevel)
  const broker = await startBroker(config, logger)
  logger.info({ public: config.publicUrl, mtls: config.mtlsUrl }, 'broker ready')
  return broker
})
