// Every plugin and every route of the broker, listed. What is not here is not served.

import type { RequestListener } from 'node:http'
import helmet from '@fastify/helmet'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { createEnrolDeps } from '#core/enrolment/enrol-deps.ts'
import { OwnTokens } from '#core/introspection/own-tokens.ts'
import { type AccountOfToken, findLiveAccount } from '#db/accounts/live-account.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { consumeNonce } from '#db/resource-use/consume-nonce.ts'
import { createAccountApi } from './account-api.ts'
import { createAttachments } from './attachments.ts'
import { createClaimDeps, createConsoleDeps } from './console.ts'
import type { BrokerDeps } from './deps.ts'
import { findPrincipal } from './http/access.ts'
import { createBaseApp } from './http/base-app.ts'
import { createCursors } from './http/cursor.ts'
import { accountRoutes } from './routes/account/account-routes.ts'
import { accountAttachmentRoutes } from './routes/account/attachments.ts'
import { claimCodeRoutes } from './routes/account/claim-code.ts'
import { claimStatusRoutes } from './routes/claim/claim-status.ts'
import { consoleRoutes } from './routes/console/console-routes.ts'
import { enrolRoutes } from './routes/enrol/enrol-routes.ts'
import { healthRoutes } from './routes/health.ts'
import { oauthRoutes } from './routes/oauth/oauth-routes.ts'
import { createTokenDoor } from './routes/oauth/token-door.ts'
import { publicDocumentRoutes } from './routes/public-documents.ts'
import { resourceRoutes } from './routes/resource/resource-routes.ts'
import { v1Routes } from './routes/v1/v1-routes.ts'
import { publicServerOptions } from './tls/listeners.ts'
import { createPeers } from './tls/peers.ts'

export interface App {
  readonly app: FastifyInstance
  /** What listens where agents prove keys in TLS. */
  readonly tokenDoor: RequestListener
}

export async function createApp(deps: BrokerDeps): Promise<App> {
  const { config, clock, database, directory, keyEncryption, log } = deps
  const app = await createBaseApp({ logger: deps.logger, https: publicServerOptions(config.tls), baseUrl: config.publicUrl })
  app.register(healthRoutes, { faults: () => deps.heartbeat.faults() })
  app.register(publicDocumentRoutes)
  const { publicUrl, mtlsUrl } = config
  const peers = createPeers(config.trustedProxies ?? [])
  const tokenRoute = { exchange: deps.exchange, directory, publicUrl, mtlsUrl, peers }
  const tokenDoor = createTokenDoor(app, tokenRoute)
  const introspection = {
    db: database.db,
    ownTokens: new OwnTokens(),
    findLiveAccount: (tenantId: string, named: AccountOfToken) => findLiveAccount(database.db.forTenant(tenantId), named),
  }
  app.register(oauthRoutes, {
    ...tokenRoute,
    challenges: deps.challenges,
    workChallenges: deps.workChallenges,
    clock,
    introspection,
  })
  const enrolment = createEnrolDeps({ ...deps.exchange, directory, db: database.db, keyEncryption, baseUrl: publicUrl })
  app.register(enrolRoutes, { enrolment, directory, peers })
  app.register(resourceRoutes, { db: database.db, directory, clock, log, consumeNonce: use => consumeNonce(database.sql, use) })
  const cursors = createCursors(config.keyEncryptionKey)
  const claims = createClaimDeps(deps)
  const console = createConsoleDeps(deps, claims, peers)
  app.register(consoleRoutes, console)
  app.register(claimStatusRoutes, console)
  app.addHook('onClose', () => console.https.close())
  const attachments = createAttachments(deps)
  app.addHook('onClose', () => attachments.close())
  app.register(accountRoutes, {
    authentication: {
      ...deps.exchange,
      findLiveAccount: (tenantId, named) => findLiveAccount(database.db.forTenant(tenantId), named),
    },
    directory,
    peers,
    publicUrl,
    mtlsUrl,
    clock,
    cursors,
    accounts: deps.exchange.accounts,
    quotas: deps.exchange.quotas,
    dbOf: tenantId => database.db.forTenant(tenantId),
    transition: changes => transitionAccounts(database.sql, changes),
    more: [
      claimCodeRoutes({ ...claims, quotas: deps.exchange.quotas }, clock),
      accountAttachmentRoutes({ ...attachments.deps, quotas: deps.exchange.quotas }, cursors),
    ],
  })
  app.register(async management => {
    // Not for /token, which sheds load by its own queue and deadline, at no cost for those who are served.
    await management.register(underPressure, { maxEventLoopDelay: 1_000, retryAfter: 1 })
    await management.register(helmet, {
      contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    })
    // Whoever got the answer to a change may count on it in the next request here; other brokers hear of it by NOTIFY.
    management.addHook('onSend', async request => {
      // What happens to accounts is no change of what a tenant has registered.
      const isChange = request.method !== 'GET' && !request.routeOptions.url?.startsWith('/v1/accounts')
      const tenantId = isChange ? findPrincipal(request)?.tenantId : undefined
      if (tenantId) directory.invalidate(tenantId)
    })
    management.register(
      v1Routes({
        db: database.db,
        clock,
        baseUrl: config.publicUrl,
        keyEncryption,
        signingKeyDays: config.signingKeyDays,
        cursors,
        limits: config.limits,
        jwks: deps.jwks,
        rejections: deps.rejections,
        addressOf: peers.addressOf,
        attachments: attachments.deps,
        accounts: createAccountApi({ ...deps, secret: config.keyEncryptionKey }),
      }),
    )
  })
  await app.ready()
  return { app, tokenDoor }
}
