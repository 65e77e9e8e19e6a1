import type { FastifyPluginAsync } from 'fastify'
import { guardByTable } from '../../http/access.ts'
import { answerRefusals } from '../../http/answer-refusals.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import { v1Access } from './access-table.ts'
import { temporaryAccountRoutes } from './accounts.ts'
import { agentRoutes } from './agents.ts'
import { anonymousRoutes } from './anonymous.ts'
import { attachmentRoutes } from './attachments.ts'
import { auditRoutes } from './audit/audit.ts'
import { auditEntriesRoute } from './audit/entries.ts'
import { auditStreamRoute } from './audit-stream.ts'
import { bootstrapRoute } from './bootstrap.ts'
import { demandClasses } from './change-classes.ts'
import { changeRoutes } from './changes.ts'
import { clientSecretRoutes } from './client-secret.ts'
import { connectorRoutes } from './connectors.ts'
import type { ManagementDeps, V1App, V1Deps } from './deps.ts'
import { erasureRoutes } from './erasures.ts'
import { joinTokenRoutes } from './join-tokens.ts'
import { keyRoutes } from './keys.ts'
import { legalHoldRoutes } from './legal-holds.ts'
import { limitRoutes } from './limits.ts'
import { logProofRoutes } from './log-proofs.ts'
import { logStatusRoute } from './log-status.ts'
import { Operations } from './operation.ts'
import { operatorRoutes } from './operators.ts'
import { peopleRoutes } from './people.ts'
import { receiverRoutes } from './receivers.ts'
import { resourceCredentialRoutes } from './resource-credentials.ts'
import { resourceRegistryRoutes } from './resources.ts'
import { restoreRoutes } from './restore.ts'
import { retentionRoutes } from './retention.ts'
import { revocationRoutes } from './revocations.ts'
import { sessionRoutes } from './sessions.ts'
import { signInRoutes } from './sign-in.ts'
import { signInProviderRoutes } from './sign-in-providers.ts'
import { securityStreamRoutes } from './streams.ts'
import { suspensionRoutes } from './suspension.ts'
import { tenantRoutes } from './tenants.ts'
import { trustSourceRoutes } from './trust-sources.ts'
import { twoPersonRoutes } from './two-person.ts'
import { usageRoutes } from './usage.ts'
import { webhookAuditRoutes } from './webhook-audit.ts'
import { webhookRoutes } from './webhooks.ts'

const handlerTimeoutMs = 15_000

/** The management API: one plugin, to be registered without a prefix. */
export function v1Routes(given: ManagementDeps): FastifyPluginAsync {
  return async instance => {
    const deps: V1Deps = { ...given, operations: new Operations() }
    const app = instance as unknown as V1App
    answerRefusals(app as never, deps)
    app.setValidatorCompiler(compileSchema)
    acceptJsonOnly(app as never)
    guardByTable(app as never, deps.db, v1Access)
    demandClasses(app as never, deps.operations)
    logAnswers(app)
    limitTime(app)
    bootstrapRoute(app, deps)
    tenantRoutes(app, deps)
    limitRoutes(app, deps)
    anonymousRoutes(app, deps)
    usageRoutes(app, deps)
    trustSourceRoutes(app, deps)
    agentRoutes(app, deps)
    joinTokenRoutes(app, deps)
    resourceRegistryRoutes(app, deps)
    resourceCredentialRoutes(app, deps)
    temporaryAccountRoutes(app, deps)
    connectorRoutes(app, deps)
    attachmentRoutes(app, deps)
    webhookRoutes(app, deps)
    webhookAuditRoutes(app, deps)
    auditRoutes(app, deps)
    auditStreamRoute(app, deps)
    auditEntriesRoute(app, deps)
    logProofRoutes(app, deps)
    logStatusRoute(app, deps)
    receiverRoutes(app, deps)
    securityStreamRoutes(app, deps)
    keyRoutes(app, deps)
    revocationRoutes(app, deps)
    restoreRoutes(app, deps)
    suspensionRoutes(app, deps)
    erasureRoutes(app, deps)
    legalHoldRoutes(app, deps)
    retentionRoutes(app, deps)
    operatorRoutes(app, deps)
    signInProviderRoutes(app, deps)
    clientSecretRoutes(app, deps)
    signInRoutes(app, deps)
    sessionRoutes(app, deps)
    peopleRoutes(app, deps)
    twoPersonRoutes(app, deps)
    changeRoutes(app, deps)
  }
}

/** What was refused is logged where it becomes an answer. The route's pattern is logged, never the URL, which may hold anything. */
function logAnswers(app: V1App): void {
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode >= 400) return
    const { method, url: route } = request.routeOptions
    app.logger.info(
      { request: request.id, method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request answered',
    )
  })
}

/** A handler that hangs, on the database say, is answered for. */
function limitTime(app: V1App): void {
  app.addHook('onRoute', route => {
    route.handlerTimeout ??= handlerTimeoutMs
  })
}
