// POST /token: RFC 6749 § 3.2, RFC 8693 § 2, RFC 7523 § 2.1.

import { hash } from 'node:crypto'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { exchange } from '#core/exchange/exchange.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { parseExchangeRequest } from '#core/exchange/exchange-request.ts'
import { parseForm } from '#core/exchange/form.ts'
import type { TokenAnswer } from '#core/exchange/token-answer.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { withinDeadline } from '../../http/deadline.ts'
import { peerCertificate } from '../../tls/peer-certificate.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface TokenRouteDeps {
  readonly exchange: ExchangeDeps
  readonly directory: TenantDirectory
}

export const tokenRoutes: FastifyPluginCallback<TokenRouteDeps> = (app, deps, done) => {
  for (const url of ['/token', '/t/:slug/token'])
    app.post<{ Params: { slug?: string }; Body: string }>(url, { schema: { hide: true } }, async (request, reply) => {
      const answer = await withinDeadline(answerRequest(deps, request))
      reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('pragma', 'no-cache')
      return reply.send(writeAnswer(answer))
    })
  done()
}

/** As JSON; the token is base64url and dots, and need not be searched for what must be escaped. */
function writeAnswer({ access_token, ...rest }: TokenAnswer): string {
  return `{"access_token":"${access_token}",${JSON.stringify(rest).slice(1)}`
}

async function answerRequest(
  deps: TokenRouteDeps,
  request: FastifyRequest<{ Params: { slug?: string }; Body: string }>,
): Promise<TokenAnswer> {
  const snapshot = await resolveTenant(deps.directory, request.params.slug)
  return exchange(deps.exchange, {
    snapshot,
    request: readRequest(deps, snapshot, request),
    presented: peerCertificate(request.raw),
    address: request.ip,
    idempotencyKeyHash: readIdempotencyKey(request.headers['idempotency-key']),
  })
}

/** A request that cannot even be read is counted like any other junk. */
function readRequest(
  { exchange: { rejections } }: TokenRouteDeps,
  snapshot: TenantSnapshot,
  request: FastifyRequest<{ Body: string }>,
) {
  if (request.headers.authorization !== undefined)
    throw new BrokerError('client_not_authenticated', { hint: 'Authorization is not used here: agents prove a key in TLS.' })
  try {
    return parseExchangeRequest(parseForm(request.body ?? ''))
  } catch (error) {
    rejections.count(snapshot.tenant.id, request.ip, 'malformed_request')
    throw error
  }
}

function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header !== 'string' || header.length < 8 || header.length > 256)
    throw new BrokerError('malformed_request', { hint: 'Idempotency-Key must be one string of 8 to 256 characters.' })
  return hash('sha256', header, 'hex')
}
