import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { errorCodes } from '#core/errors/codes.ts'
import { QuotaError } from '#core/quota/quota-error.ts'
import { rateLimitFields } from '#core/quota/rate-limit-fields.ts'
import { toProblem } from './problem.ts'
import { toBrokerError } from './to-broker-error.ts'

/** What an error's answer may depend on. */
export interface FailedRequest {
  readonly id: string
  readonly headers: IncomingHttpHeaders
}

export interface RenderedError {
  readonly contentType: string
  readonly body: unknown
  /** What `WWW-Authenticate` says of a 401; undefined: nothing. */
  readonly challenge: string | undefined
}

/** An error on the wire. */
export type RenderError = (error: BrokerError, request: FailedRequest) => RenderedError

export const renderProblem: RenderError = (error, request) => ({
  contentType: 'application/problem+json',
  body: toProblem(error, request.id),
  challenge: 'Bearer realm="mayfly"',
})

export interface ErrorAnswer {
  readonly status: number
  readonly contentType: string
  /** All but `Content-Type`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The one place where an error becomes an answer: status and public text from the table of codes, reasons to the log only.
 * `render` decides the form, so that OAuth endpoints share everything else.
 */
export function createErrorAnswerer(render: RenderError, logger: FastifyBaseLogger) {
  return (thrown: unknown, request: FailedRequest): ErrorAnswer => {
    const error = toBrokerError(thrown)
    const { status } = errorCodes[error.code]
    const log = {
      request: request.id,
      code: error.code,
      reason: error.detail,
      ...(status >= 500 && { err: error.cause ?? error }),
    }
    if (status >= 500) logger.error(log, 'request failed')
    else logger.info(log, 'request refused')
    const { contentType, body, challenge } = render(error, request)
    const headers = {
      'cache-control': 'no-store',
      ...(error.retryAfterSeconds !== undefined && { 'retry-after': String(Math.ceil(error.retryAfterSeconds)) }),
      ...(error instanceof QuotaError && rateLimitFields([error.standing])),
      ...(error.dpopNonce !== undefined && { 'dpop-nonce': error.dpopNonce }),
      ...(status === 401 && challenge !== undefined && { 'www-authenticate': challenge }),
    }
    return { status, contentType, headers, body: JSON.stringify(body) }
  }
}

/** The same as Fastify's error handler. */
export function createErrorHandler(render: RenderError, logger: FastifyBaseLogger) {
  const answer = createErrorAnswerer(render, logger)
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { status, contentType, headers, body } = answer(thrown, request)
    return reply.code(status).headers(headers).type(contentType).send(body)
  }
}
