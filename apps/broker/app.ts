// Every plugin and every route of the broker, listed. What is not here is not served.

import type { RequestListener } from 'node:http'
import helmet from '@fastify/helmet'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import type { AttachDeps } from '#core/connector/attach.ts'
import { createEnrolDeps } from '#core/enrolment/enrol-deps.ts'
import { parseId } from '#core/ids/id.ts'
import { OwnTokens } from '#core/introspection/own-tokens.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import { type AccountOfToken, findLiveAccount, type LiveAccount } from '#db/accounts/live-account.ts'
import type { Database } from '#db/connect.ts'
import { consumeNonce } from '#db/resource-use/consume-nonce.ts'
import { createAccountApi } from './account-api.ts'
import { createAttachments } from './attachments.ts'
import { createClaimDeps, createConsoleDeps } from './console.ts'
import type { BrokerDeps } from './deps.ts'
import { findPrincipal } from './http/access.ts'
import { createBaseApp } from './http/base-app.ts'
import { type Cursors, createCursors } from './http/cursor.ts'
import { accountRoutes } from './routes/account/account-routes.ts'
import { accountAttachmentRoutes } from './routes/account/attachments.ts'
import { claimCodeRoutes } from './routes/account/claim-code.ts'
import { claimStatusRoutes } from './routes/claim/claim-status.ts'
import { consoleRoutes } from './routes/console/console-routes.ts'
import { enrolRoutes } from './routes/enrol/enrol-routes.ts'
import { feedRoutes } from './routes/feed/feed-routes.ts'
import { healthRoutes, isHealthRoute } from './routes/health.ts'
import { logRoutes } from './routes/log/log-routes.ts'
import { oauthRoutes } from './routes/oauth/oauth-routes.ts'
import { statusListRoutes } from './routes/oauth/status-list.ts'
import { createTokenDoor } from './routes/oauth/token-door.ts'
import { publicDocumentRoutes } from './routes/public-documents.ts'
import { resourceRoutes } from './routes/resource/resource-routes.ts'
import { v1Routes } from './routes/v1/v1-routes.ts'
import { registerSsf } from './ssf.ts'
import { createStatusLists } from './status-lists.ts'
import { publicServerOptions } from './tls/listeners.ts'
import { createPeers, type Peers } from './tls/peers.ts'

export interface App {
  readonly app: FastifyInstance
  /** What listens where agents prove keys in TLS. */
  readonly tokenDoor: RequestListener
}

export async function createApp(deps: BrokerDeps): Promise<App> {
  const { config, clock, database, directory, keyEncryption, log } = deps
  const app = await createBaseApp({ logger: deps.logger, https: publicServerOptions(config.tls), baseUrl: config.publicUrl })
  const faults = (): string[] => [...deps.heartbeat.faults(), ...deps.history.faults()]
  app.register(healthRoutes, { faults })
  // Who has lived through another history than the database vouches for nothing, and tells nothing.
  app.addHook('onRequest', async ({ routeOptions }) => {
    if (!isHealthRoute(routeOptions.url)) deps.history.check()
  })
  app.register(publicDocumentRoutes)
  const { publicUrl, mtlsUrl } = config
  const peers = createPeers(config.trustedProxies ?? [])
  const tokenRoute = { exchange: deps.exchange, directory, publicUrl, mtlsUrl, peers }
  const tokenDoor = createTokenDoor(app, tokenRoute)
  const ownTokens = new OwnTokens()
  app.register(oauthRoutes, {
    ...tokenRoute,
    revocation: {
      exchange: deps.exchange,
      ownTokens,
      transact: (tenantId, work) => database.db.forTenant(tenantId).transaction().execute(work),
    },
    challenges: deps.challenges,
    workChallenges: deps.workChallenges,
    clock,
    introspection: {
      db: database.db,
      ownTokens,
      findLiveAccount: findLiveAccountIn(database),
      isRevoked: deps.exchange.isRevoked,
    },
  })
  app.register(statusListRoutes, createStatusLists(deps))
  const enrolment = createEnrolDeps({ ...deps.exchange, directory, db: database.db, keyEncryption, baseUrl: publicUrl })
  app.register(enrolRoutes, { enrolment, directory, peers })
  app.register(resourceRoutes, { db: database.db, directory, clock, log, consumeNonce: use => consumeNonce(database.sql, use) })
  app.register(feedRoutes, { db: database.db, directory, clock, ...deps.feed })
  app.register(logRoutes, { db: database.db, clock, logs: deps.sealedLogs, isPublic: config.logIsPublic ?? false })
  registerSsf(app, deps)
  const claims = createClaimDeps(deps)
  const console = createConsoleDeps(deps, claims, peers)
  app.register(consoleRoutes, console)
  app.register(claimStatusRoutes, console)
  app.addHook('onClose', () => console.https.close())
  const attachments = createAttachments(deps)
  app.addHook('onClose', () => attachments.close())
  const cursors = createCursors(config.keyEncryptionKey)
  const parts = { peers, cursors, claims, attachments: attachments.deps }
  registerAccount(app, deps, parts)
  registerManagement(app, deps, parts)
  await app.ready()
  return { app, tokenDoor }
}

/** A platform-admin belongs to no tenant: whose it was stands in the path, or only in what was sent or approved. */
function forgetChanged(directory: TenantDirectory, request: FastifyRequest): void {
  const principal = findPrincipal(request)
  if (!principal) return
  const { id } = request.params as { readonly id?: string }
  const tenantId = principal.tenantId ?? (id === undefined ? undefined : parseId('tenant', id))
  if (tenantId) directory.invalidate(tenantId)
  else if (/^\/v1\/(?:changes\/|revocations$)/.test(request.routeOptions.url ?? '')) directory.invalidateAll()
}

const findLiveAccountIn =
  ({ db }: Database) =>
  (tenantId: string, named: AccountOfToken): Promise<LiveAccount | undefined> =>
    findLiveAccount(db.forTenant(tenantId), named)

/** What the routes of accounts and of operators share. */
interface Parts {
  readonly peers: Peers
  readonly cursors: Cursors
  readonly claims: ClaimDeps
  readonly attachments: AttachDeps
}

/** What an agent may do with its own account. */
function registerAccount(app: FastifyInstance, deps: BrokerDeps, { peers, cursors, claims, attachments }: Parts): void {
  const { config, clock, database, directory, exchange } = deps
  const { quotas } = exchange
  app.register(accountRoutes, {
    authentication: { ...exchange, findLiveAccount: findLiveAccountIn(database) },
    directory,
    peers,
    publicUrl: config.publicUrl,
    mtlsUrl: config.mtlsUrl,
    clock,
    cursors,
    accounts: exchange.accounts,
    quotas,
    dbOf: tenantId => database.db.forTenant(tenantId),
    transition: deps.transition,
    more: [claimCodeRoutes({ ...claims, quotas }, clock), accountAttachmentRoutes({ ...attachments, quotas }, cursors)],
  })
}

/** `/v1`: what operators register, see and end. */
function registerManagement(app: FastifyInstance, deps: BrokerDeps, { peers, cursors, attachments }: Parts): void {
  const { config, clock, database, directory, keyEncryption } = deps
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
      if (isChange) forgetChanged(directory, request)
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
        attachments,
        logs: deps.sealedLogs,
        logStreams: deps.logStreams,
        accounts: createAccountApi({ ...deps, secret: config.keyEncryptionKey }),
      }),
    )
  })
}
