// RFC 9457 problem details, for `/v1`. OAuth endpoints answer in OAuth's own form.

import { type Static, Type } from 'typebox'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { errorCodes } from '#core/errors/codes.ts'
import { ValidationError } from '#core/errors/validation-error.ts'
import { QuotaError } from '#core/quota/quota-error.ts'

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:mayfly:error:<code>; docs/errors.md says what each means and what to do.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    instance: Type.String({ description: 'Id of this request, as in the broker’s log.' }),
    'violated-policies': Type.Optional(
      Type.Array(Type.String(), { description: 'The limits that are reached (docs/reference/limits.md), by name.' }),
    ),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'RFC 6901 pointer into the body; empty: the whole of it.' }),
          detail: Type.String(),
        }),
      ),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        type: 'urn:mayfly:error:validation_failed',
        title: 'The body does not fit this endpoint.',
        status: 400,
        instance: 'req_0198c0ffee00700080000000000000aa',
        errors: [{ pointer: '/issuer', detail: 'It must begin with https://.' }],
      },
    ],
  },
)

/** Registered by draft-ietf-httpapi-ratelimit-headers. */
const quotaType = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/** instance: the request's id. */
export function toProblem(error: BrokerError, instance: string): Static<typeof Problem> {
  const { status, wire, text } = errorCodes[error.code]
  return {
    type: error instanceof QuotaError ? quotaType : `urn:mayfly:error:${wire}`,
    title: text,
    status,
    ...(error.hint !== undefined && { detail: error.hint }),
    instance,
    ...(error instanceof QuotaError && { 'violated-policies': [error.standing.name] }),
    ...(error instanceof ValidationError && { errors: error.problems.map(({ pointer, detail }) => ({ pointer, detail })) }),
  }
}
