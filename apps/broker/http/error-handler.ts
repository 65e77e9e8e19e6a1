import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { errorCodes } from '#core/errors/codes.ts'
import { toProblem } from './problem.ts'
import { toBrokerError } from './to-broker-error.ts'

export interface RenderedError {
  readonly contentType: string
  readonly body: unknown
  /** What `WWW-Authenticate` says of a 401; undefined: nothing. */
  readonly challenge: string | undefined
}

/** An error on the wire. */
export type RenderError = (error: BrokerError, request: FastifyRequest) => RenderedError

export const renderProblem: RenderError = (error, request) => ({
  contentType: 'application/problem+json',
  body: toProblem(error, request.id),
  challenge: 'Bearer realm="mayfly"',
})

/**
 * The one place where an error becomes an answer: status and public text from the table of codes, reasons to the log only.
 * `render` decides the form, so that OAuth endpoints share everything else.
 */
export function createErrorHandler(render: RenderError, logger: FastifyBaseLogger) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
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
    if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)))
    const { contentType, body, challenge } = render(error, request)
    if (status === 401 && challenge !== undefined) reply.header('www-authenticate', challenge)
    return reply.code(status).header('cache-control', 'no-store').type(contentType).send(JSON.stringify(body))
  }
}
