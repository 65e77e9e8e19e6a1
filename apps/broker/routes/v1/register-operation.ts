import type { FastifyReply, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import { proposeChange, waitsForSecondPerson } from '#core/operators/two-person/changes.ts'
import type { Trx } from '#db/connect.ts'
import { tryOut } from '#db/try-out.ts'
import { withTenant } from '#db/with-tenant.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { type Answer, once } from '../../http/idempotency.ts'
import { changeClasses } from './change-classes.ts'
import type { V1App, V1Deps } from './deps.ts'
import { type Call, type Operation, withoutStamps } from './operation.ts'
import { closed, Id, IdempotencyHeader, operatorSecurity, problems } from './schemas.ts'

/** The answer of a change that now waits. */
export const Waiting = Type.Object({ change: Id('change'), status: Type.Literal('waiting') }, closed)

export interface OperationSchema {
  readonly tags: readonly string[]
  readonly summary: string
  readonly params?: TSchema
  readonly body?: TSchema
  /** Of the answer when it is done at once. */
  readonly answer: TSchema
}

/**
 * Registers a changing route: one change, one transaction, one audit event. Where the tenant wants two people for its class,
 * it is tried out, stored and answered with 202 instead. For POST under the request's Idempotency-Key.
 */
export function registerOperation(app: V1App, deps: V1Deps, operation: Operation, schema: OperationSchema): void {
  const [method, url] = operation.route.split(' ') as ['POST' | 'PUT' | 'DELETE', string]
  const { answer, ...described } = schema
  deps.operations.add(operation)
  app.route({
    method,
    url,
    schema: {
      ...described,
      security: operatorSecurity,
      ...(method === 'POST' && { headers: IdempotencyHeader }),
      response: {
        [operation.status]: answer,
        ...(changeClasses[operation.route] && { 202: Waiting }),
        ...problems,
      },
    } as object,
    handler: (request: FastifyRequest, reply: FastifyReply) => answerOperation(deps, operation, request, reply),
  } as never)
}

async function answerOperation(
  deps: V1Deps,
  operation: Operation,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const actor = principalOf(request)
  const params = (request.params ?? {}) as Readonly<Record<string, string>>
  const call: Call = { actor, params, body: request.body, nowMs: deps.clock.nowMs() }
  const prepared = await operation.prepare?.(call)
  const answer = await rowsOf(deps.db, request)
    .transaction()
    .execute(async (trx): Promise<Answer> => {
      // What a platform-admin does to a tenant is done in it; its answer is kept for the platform-admin.
      const run = () => withTenant(trx, operation.tenantOf(call), () => perform(trx, operation, call, prepared))
      if (request.method !== 'POST') return run()
      return once(trx, request, { credentialId: actor.credentialId, secret: operation.secret ?? false }, run)
    })
  const { id, change } = (answer.body ?? {}) as { id?: string; change?: string }
  if (answer.status === 201 && id !== undefined) reply.header('location', `${request.url.split('?')[0]}/${id}`)
  if (answer.status === 202) reply.header('location', `/v1/changes/${change}`)
  return reply.code(answer.status).header('cache-control', 'no-store').send(answer.body)
}

async function perform(trx: Trx, operation: Operation, call: Call, prepared: unknown): Promise<Answer> {
  const work = () => operation.work(trx, call, prepared)
  const guardedBy = changeClasses[operation.route]
  const tenantId = operation.tenantOf(call)
  if (guardedBy && tenantId !== null && (await waitsForSecondPerson(trx, tenantId, guardedBy))) {
    const before = withoutStamps(await operation.present?.(trx, call))
    // What cannot be done is refused now, not when somebody has taken the time to approve it.
    const outcome = await tryOut(trx, work)
    const after = operation.secret || operation.showsBody ? call.body : withoutStamps(outcome)
    const { actor, params, body, nowMs } = call
    const change = { actor, tenantId, guardedBy, operation: operation.route, params, body, before, after }
    return { status: 202, body: { change: formatId('change', await proposeChange(trx, change, nowMs)), status: 'waiting' } }
  }
  return { status: operation.status, body: (await work()) ?? null }
}
