// Whatever a route, a hook or Fastify itself throws, as one of our own errors. What is not known here is `internal`: its
// message may hold anything, so it goes to the log and never to the client.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { ErrorCode } from '#core/errors/codes.ts'
import { ValidationError } from '#core/errors/validation-error.ts'
import { describeFaults, type SchemaFault } from './schema-faults.ts'

const known: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_request',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_INVALID_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_HANDLER_TIMEOUT: 'overloaded',
  FST_UNDER_PRESSURE: 'overloaded',
}

/** Database errors that mean "not now" rather than "broken": no connection, shutting down, out of connections, statement timeout, lock timeout. */
const unavailable =
  /^(?:08...|57P0[1-3]|53300|57014|55P03|CONNECT_TIMEOUT|CONNECTION_(?:CLOSED|DESTROYED|ENDED)|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/

/** What pg says without a code when a connection is lost or cannot be had. */
const lost =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/

interface Thrown {
  readonly code?: unknown
  readonly statusCode?: unknown
  readonly validation?: readonly SchemaFault[]
  readonly validationContext?: string
}

export function toBrokerError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const { code, statusCode, validation, validationContext } = (error ?? {}) as Thrown
  if (validation !== undefined) return fromValidation(validation, validationContext)
  const mapped = typeof code === 'string' ? known[code] : undefined
  if (mapped === 'overloaded') return new BrokerError(mapped, { cause: error, retryAfterSeconds: 1 })
  if (mapped !== undefined) return new BrokerError(mapped, { cause: error })
  if (typeof code === 'string' && unavailable.test(code))
    return new BrokerError('overloaded', { cause: error, detail: `database: ${code}`, retryAfterSeconds: 1 })
  if (error instanceof Error && lost.test(error.message))
    return new BrokerError('overloaded', { cause: error, detail: `database: ${error.message}`, retryAfterSeconds: 1 })
  if (statusCode === 429) return new BrokerError('too_many_requests', { cause: error })
  return new BrokerError('internal', {
    cause: error,
    detail: error instanceof Error ? error.message : 'a value that is no Error was thrown',
  })
}

function fromValidation(faults: readonly SchemaFault[], context: string | undefined): BrokerError {
  const problems = describeFaults(faults)
  if (context === 'body') return new ValidationError(problems)
  const hint = problems.map(problem => `${problem.pointer.slice(1) || context}: ${problem.detail}`).join(' ')
  return new BrokerError('malformed_request', { hint: `In the ${context ?? 'request'}: ${hint}` })
}
