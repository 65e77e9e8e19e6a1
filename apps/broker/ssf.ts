import type { FastifyInstance } from 'fastify'
import { sparingly } from '#apps/process/sparingly.ts'
import { ReceiverAuthenticator } from '#core/ssf/authenticate-receiver.ts'
import { Wakes } from '#core/ssf/wakes.ts'
import { listenForSsf, type SsfListener } from '#db/ssf/listen.ts'
import type { BrokerDeps } from './deps.ts'
import { ssfConfigurationRoutes } from './routes/ssf/ssf-configuration.ts'
import { ssfRoutes } from './routes/ssf/ssf-routes.ts'

/** What receivers of security events call. Whoever polls and waits is woken by what happens; without that it looks again in a while. */
export function registerSsf(app: FastifyInstance, { directory, clock, keyEncryption, database, logger }: BrokerDeps): void {
  const wakes = new Wakes()
  let listening: Promise<SsfListener | undefined> | undefined
  const complain = sparingly<unknown>(err =>
    logger.warn({ err }, 'polls for security events are not woken; they look again by themselves'),
  )
  app.addHook('onListen', async () => {
    listening = listenForSsf(database.sql, tenantId => wakes.wake(tenantId)).catch(error => {
      complain(error)
      return undefined
    })
  })
  app.addHook('onClose', async () => {
    await (await listening)?.close().catch(() => {})
  })
  app.register(ssfConfigurationRoutes, { directory })
  app.register(ssfRoutes, {
    directory,
    clock,
    keyEncryption,
    receivers: new ReceiverAuthenticator(database.db),
    wakes,
    dbOf: tenantId => database.db.forTenant(tenantId),
  })
}
