// POST /token: RFC 6749 § 3.2, RFC 8693 § 2, RFC 7523 § 2.1.

import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyPluginCallback } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type ExchangeResult, exchange } from '#core/exchange/exchange.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { parseExchangeRequest } from '#core/exchange/exchange-request.ts'
import { parseForm } from '#core/exchange/form.ts'
import type { TokenAnswer } from '#core/exchange/token-answer.ts'
import { rateLimitFields } from '#core/quota/rate-limit-fields.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { withinDeadline } from '../../http/deadline.ts'
import type { Peers } from '../../tls/peers.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface TokenRouteDeps {
  readonly peers: Peers
  readonly exchange: ExchangeDeps
  readonly directory: TenantDirectory
  readonly publicUrl: string
  readonly mtlsUrl: string
}

/** A token request whose body was read; `slug` names the tenant in the path. */
export interface TokenRequest {
  readonly slug: string | undefined
  readonly raw: IncomingMessage
  readonly body: string
}

export interface TokenResponse {
  /** All but `Content-Length`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** RFC 6749 § 5.1. */
const tokenHeaders = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  pragma: 'no-cache',
} as const

export const tokenRoutes: FastifyPluginCallback<TokenRouteDeps> = (app, deps, done) => {
  for (const url of ['/token', '/t/:slug/token'])
    app.post<{ Params: { slug?: string }; Body: string | undefined }>(url, { schema: { hide: true } }, async (request, reply) => {
      const { params, raw, body } = request
      const answer = await answerTokenRequest(deps, { slug: params.slug, raw, body: body ?? '' })
      return reply.headers(answer.headers).send(answer.body)
    })
  done()
}

/** Throws BrokerError. */
export async function answerTokenRequest(deps: TokenRouteDeps, request: TokenRequest): Promise<TokenResponse> {
  const { answer, standings } = await withinDeadline(findAnswer(deps, request))
  const body = writeAnswer(answer)
  const headers = { ...tokenHeaders, ...rateLimitFields(standings) }
  if (request.raw.headers.dpop === undefined) return { headers, body }
  // RFC 9449 § 8.2: whoever proves a key gets the nonce of the next proof.
  const { nonces, clock } = deps.exchange
  return { headers: { ...headers, 'dpop-nonce': nonces.issue(clock.nowMs()) }, body }
}

/** As JSON; the token is base64url and dots, and need not be searched for what must be escaped. */
function writeAnswer({ access_token, ...rest }: TokenAnswer): string {
  return `{"access_token":"${access_token}",${JSON.stringify(rest).slice(1)}`
}

async function findAnswer(deps: TokenRouteDeps, { slug, raw, body }: TokenRequest): Promise<ExchangeResult> {
  const snapshot = deps.directory.recall(slug) ?? (await resolveTenant(deps.directory, slug))
  const address = deps.peers.addressOf(raw)
  return exchange(deps.exchange, {
    snapshot,
    request: readRequest(deps, snapshot, { raw, body, address }),
    certificate: deps.peers.certificateOf(raw),
    dpop: readDpop(deps, snapshot, raw.headers.dpop),
    address,
    idempotencyKeyHash: readIdempotencyKey(raw.headers['idempotency-key']),
  })
}

/** A request that cannot even be read is counted like any other junk. */
function readRequest(
  { exchange: { rejections } }: TokenRouteDeps,
  snapshot: TenantSnapshot,
  { raw, body, address }: { raw: IncomingMessage; body: string; address: string },
) {
  if (raw.headers.authorization !== undefined)
    throw new BrokerError('client_not_authenticated', { hint: 'Authorization is not used here: agents prove a key in TLS.' })
  try {
    return parseExchangeRequest(parseForm(body))
  } catch (error) {
    rejections.count(snapshot.tenant.id, address, 'malformed_request')
    throw error
  }
}

/** Node joins two headers of this name by a comma, which no proof holds: they are refused as malformed. */
function readDpop({ publicUrl, mtlsUrl }: TokenRouteDeps, { tenant }: TenantSnapshot, header: string | string[] | undefined) {
  if (header === undefined) return undefined
  const url = `${tenant.issuer}/token`
  return { proof: String(header), urls: [url, url.replace(publicUrl, mtlsUrl)] }
}

function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header !== 'string' || header.length < 8 || header.length > 256)
    throw new BrokerError('malformed_request', { hint: 'Idempotency-Key must be one string of 8 to 256 characters.' })
  return hash('sha256', header, 'hex')
}
