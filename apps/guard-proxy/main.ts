import { createLogger } from '#apps/process/logger.ts'
import { runUntilSignal } from '#apps/process/run-until-signal.ts'
import { readGuardProxyConfig } from './config.ts'
import { startGuardProxy } from './guard-proxy.ts'

await runUntilSignal('The guard proxy', async () => {
  const config = readGuardProxyConfig(process.env)
  return startGuardProxy(config, createLogger('guard-proxy', config.logLevel))
})
