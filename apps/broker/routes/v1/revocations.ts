// POST /v1/revocations: whatever there is can be revoked here. Answered when it is durable and announced; accounts behind it end in
// the background, and go on ending in the worker if this process does.

import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type SealedFacts, sealFacts } from '#core/audit/event.ts'
import { formatId, formatUuid, newUuid } from '#core/ids/id.ts'
import { keyOfOperator } from '#core/operators/operator-key.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { RevocationOrder } from '#core/revocation/revoke.ts'
import { findRevocation } from '#db/revocation/revocations.ts'
import { findSweep } from '#db/revocation/sweeps.ts'
import { withTenant } from '#db/with-tenant.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { reserveKey } from '../../http/idempotency.ts'
import type { V1App, V1Deps } from './deps.ts'
import { revocationReadRoutes, revocationTags, tenantNamed } from './revocation-reads.ts'
import { RevokedView, showRevocation } from './revocation-view.ts'
import { createRevokers, type Revoker, TargetMembers, targetNames } from './revokers.ts'
import { closed, Id, IdempotencyHeader, problems, Text } from './schemas.ts'
import { SweepStarter } from './sweep-starter.ts'

const Body = Type.Object(
  {
    ...TargetMembers,
    reason: Type.Optional(Text('Why; kept in the log, encrypted.', 200)),
    suspend: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Of an agent or a trust source: whether it gets no new tokens either, until it is reinstated.',
      }),
    ),
    tenant_id: Type.Optional(Id('tenant', 'For a platform-admin, who belongs to none.')),
  },
  {
    ...closed,
    description: `Exactly one of ${targetNames.join(', ')}.`,
    examples: [
      { token_id: 'at_0198c0ffee00700080000000000000aa', reason: 'It was printed into a build log.' },
      { agent_id: 'agt_0198c0ffee00700080000000000000aa', suspend: true },
    ],
  },
)
export type RevocationBody = Static<typeof Body>

export function revocationRoutes(app: V1App, deps: V1Deps): void {
  const revokers = createRevokers(deps)
  const sweeps = new SweepStarter(deps, app.logger)
  app.addHook('onClose', () => sweeps.close())
  app.post(
    '/v1/revocations',
    {
      schema: {
        ...revocationTags,
        summary: 'Revoke a token, account, task, agent, trust source, key or the whole tenant',
        headers: IdempotencyHeader,
        body: Body,
        response: { 201: RevokedView, ...problems },
      },
    },
    async (request, reply) => {
      const tenantId = tenantNamed(request, request.body.tenant_id)
      // A platform-admin may name what is none.
      await deps.accounts.snapshotOf(tenantId)
      const revoker = await revokers(tenantId, request.body)
      const { id, at } = await carryOut(deps, request, tenantId, revoker)
      sweeps.start({ id, tenantId })
      const db = deps.db.forTenant(tenantId)
      const row = await findRevocation(db, tenantId, id)
      const sweep = await findSweep(db, { id, tenantId })
      reply.header('location', `/v1/revocations/${formatId('revocation', id)}`).header('cache-control', 'no-store')
      return reply
        .code(201)
        .send({ ...(row ? showRevocation(row) : withoutEntries(id, revoker, at)), ...(sweep && { accounts: sweep }) })
    },
  )
  revocationReadRoutes(app, deps)
}

/** Once for each Idempotency-Key: what was done under it stands under the same id. */
async function carryOut(
  deps: V1Deps,
  request: FastifyRequest,
  tenantId: string,
  revoker: Revoker,
): Promise<{ readonly id: string; readonly at: Date }> {
  const actor = principalOf(request)
  const nowMs = deps.clock.nowMs()
  const sealed = await sealReason(deps, tenantId, actor, (request.body as RevocationBody).reason)
  const facts = { ...actorFacts(actor), by: 'operator' }
  const { order, isRepeated } = await rowsOf(deps.db, request)
    .transaction()
    .execute(async trx => {
      const name = await reserveKey(trx, request, actor.credentialId)
      const order: RevocationOrder = { id: name === undefined ? newUuid(nowMs) : idOfName(name), tenantId, facts, sealed, nowMs }
      return await withTenant(trx, tenantId, async () => {
        const isRepeated = name !== undefined && (await findRevocation(trx, tenantId, order.id)) !== undefined
        if (!isRepeated) await revoker.work?.(trx, order)
        return { order, isRepeated }
      })
    })
  // Accounts change in a statement that commits by itself.
  if (!isRepeated) await revoker.change?.(order)
  return { id: order.id, at: new Date(nowMs) }
}

/** Why, as the log keeps it. */
async function sealReason(
  deps: V1Deps,
  tenantId: string,
  actor: Principal,
  reason: string | undefined,
): Promise<SealedFacts | undefined> {
  if (reason === undefined) return undefined
  const key = await keyOfOperator(deps.accounts.opening.subjectKeys, deps.db.forTenant(tenantId), tenantId, actor)
  return sealFacts(key, { reason })
}

const idOfName = (name: string): string =>
  formatUuid(createHash('sha256').update(`revocation ${name}`).digest('hex').slice(0, 32))

/** Of something that no token can come from: there is nothing to tell verifiers. */
function withoutEntries(id: string, { target }: Revoker, at: Date): Static<typeof RevokedView> {
  const { kind, subject } = target
  const nothing = { cause: kind === 'account' ? 'revoke' : kind, by: null, from_epoch: null, to_epoch: null, entries_total: 0 }
  return { id: formatId('revocation', id), kind, subject, at: at.toISOString(), ...nothing }
}
