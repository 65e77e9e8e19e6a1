import { type Static, Type } from 'typebox'
import { orderRewrap, type RewrapStatus, readRewrapStatus } from '#core/keys/rewrap.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { principalOf } from '../../http/access.ts'
import { answerChange } from './change.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, IdempotencyHeader, operatorSecurity, problems, Time } from './schemas.ts'

const Status = Type.Object(
  {
    current: Type.String({ description: 'The key-encryption key that seals now.' }),
    state: Type.Enum(['idle', 'running', 'finished'], {
      description: '`running` waits for a worker that was given the same current key, and looks once a minute.',
    }),
    requested_at: Type.Optional(Time),
    finished_at: Type.Optional(Time),
    rewrapped: Type.Integer({ description: 'Keys sealed anew by this order so far.' }),
    remaining: Type.Integer({
      description: 'Keys sealed under any other key than the current one. 0: the others may be taken away.',
    }),
    sealed: Type.Array(
      Type.Object(
        {
          key: Type.String(),
          known: Type.Boolean({ description: 'Whether this broker was given it.' }),
          of: Type.String({ description: 'Which keys.' }),
          count: Type.Integer(),
        },
        closed,
      ),
    ),
  },
  closed,
)

const base = { tags: ['key'], security: operatorSecurity }

/** Sealing every stored key under the current key-encryption key. It concerns the whole deployment, hence its administrators. */
export function rewrapRoutes(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/keys/rewrap',
    {
      schema: {
        ...base,
        summary: 'Under which key-encryption keys the stored keys are sealed',
        response: { 200: Status, ...problems },
      },
    },
    async () => toView(await readRewrapStatus(deps.db, deps.keyEncryption)),
  )
  app.post(
    '/v1/keys/rewrap',
    {
      schema: {
        ...base,
        summary: 'Seal every stored key under the current key-encryption key; the worker does it',
        headers: IdempotencyHeader,
        response: { 200: Status, ...problems },
      },
    },
    async (request, reply) =>
      answerChange(deps.db, request, reply, { status: 200 }, async trx => {
        const before = await readRewrapStatus(trx, deps.keyEncryption)
        if (before.remaining === 0) return toView(before)
        await orderRewrap(trx, deps.keyEncryption, actorFacts(principalOf(request)), deps.clock.nowMs())
        return toView(await readRewrapStatus(trx, deps.keyEncryption))
      }),
  )
}

function toView({ current, state, order, remaining, sealed }: RewrapStatus): Static<typeof Status> {
  return {
    current,
    state,
    ...(order && { requested_at: order.requested_at.toISOString() }),
    ...(order?.finished_at && { finished_at: order.finished_at.toISOString() }),
    rewrapped: Number(order?.rewrapped ?? 0),
    remaining,
    sealed: sealed.map(({ table, kekId, rows, known }) => ({
      key: kekId,
      known,
      of: table === 'mayfly.signing_key' ? 'signing keys' : 'subject keys',
      count: rows,
    })),
  }
}
