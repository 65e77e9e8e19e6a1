// POST /introspect: RFC 7662, for resources with a credential of their own, about tokens of their own audience; signed for those who
// ask for it by `Accept` (RFC 9701).

import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseForm } from '#core/exchange/form.ts'
import { type IntrospectionDeps, introspect } from '#core/introspection/introspect.ts'
import { asksForSignedAnswer, signAnswer, signedAnswerTyp } from '#core/introspection/signed-answer.ts'
import { authenticate } from '#core/operators/authenticate.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Clock } from '#core/time/clock.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface IntrospectRouteDeps {
  readonly introspection: IntrospectionDeps & {
    readonly db: Parameters<typeof authenticate>[0]
  }
  readonly directory: TenantDirectory
  readonly clock: Clock
}

export const introspectRoutes: FastifyPluginCallback<IntrospectRouteDeps> = (app, deps, done) => {
  const { introspection, directory, clock } = deps
  for (const url of ['/introspect', '/t/:slug/introspect'])
    app.post<{ Params: { slug?: string }; Body: string | undefined }>(url, { schema: { hide: true } }, async (request, reply) => {
      const snapshot = await resolveTenant(directory, request.params.slug)
      const resourceId = await authenticateResource(deps, request, snapshot.tenant.id)
      const [token] = parseForm(request.body ?? '').get('token') ?? []
      if (token === undefined) throw new BrokerError('malformed_request', { hint: 'token is missing.' })
      const nowMs = clock.nowMs()
      const answer = await introspect(introspection, { snapshot, resourceId }, token, nowMs)
      reply.header('cache-control', 'no-store')
      if (!asksForSignedAnswer(request.headers.accept)) return reply.send(answer)
      return reply.type(`application/${signedAnswerTyp}`).send(await signAnswer(snapshot, resourceId, answer, nowMs))
    })
  done()
}

/** uuid of the resource whose credential was sent. RFC 7662 § 2.1: as a bearer token, or as a client's secret by Basic. */
async function authenticateResource(
  { introspection: { db } }: IntrospectRouteDeps,
  { headers: { authorization } }: Pick<FastifyRequest, 'headers'>,
  tenantId: string,
): Promise<string> {
  const secret = secretOf(authorization)
  const hint = "Send the resource's credential: as Bearer, or by Basic with any name and the credential as password."
  if (secret === undefined) throw new BrokerError('client_not_authenticated', { hint })
  const caller = await authenticate(db, secret).catch(error => {
    if (error instanceof BrokerError && error.code === 'not_authenticated')
      throw new BrokerError('client_not_authenticated', { hint, detail: error.detail ?? '' })
    throw error
  })
  // Whoever else has a credential here is told no more than a stranger.
  if (caller.role !== 'resource' || caller.resourceId === undefined || caller.tenantId !== tenantId)
    throw new BrokerError('client_not_authenticated', { hint, detail: 'no credential of a resource of this tenant' })
  return caller.resourceId
}

/** The credential alone says whose it is, so the name that Basic needs says nothing. */
function secretOf(authorization: string | undefined): string | undefined {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) ([A-Za-z0-9._~+/=-]{1,1024})$/i.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme === '') return undefined
  const pair = Buffer.from(value, 'base64').toString('latin1')
  const colon = pair.indexOf(':')
  return colon < 0 ? undefined : decodeFormValue(pair.slice(colon + 1))
}

/** RFC 6749 § 2.3.1: name and password are form-encoded before they are joined. */
function decodeFormValue(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
