// What follows from a backup that was restored: which logs broke off, and what waits since then until somebody has looked at it. Agents
// and trust sources are suspended meanwhile, and reinstated as any other; accounts have a verb of their own.

import { Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { reinstateAccounts } from '#core/restore/reinstate-accounts.ts'
import { listForks } from '#db/restore/forks.ts'
import { type HeldCounts, listHeldRegistrations, readHeld } from '#db/restore/held.ts'
import { ownTenant, principalOf } from '../../http/access.ts'
import { accountTags, getAccount, showAccount } from './account-reads.ts'
import { AccountView } from './account-view.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, IdempotencyHeader, IdParams, operatorSecurity, problems, Time } from './schemas.ts'

const Count = Type.Integer({ minimum: 0 })
const Named = (kind: 'agent' | 'trustSource') => Type.Array(Type.Object({ id: Id(kind), name: Type.String() }, closed))
const Fork = Type.Object(
  {
    at: Time,
    from_shard: Type.String({ description: 'The log that broke off.' }),
    to_shard: Type.String({ description: 'The log that began.' }),
    size: Type.Integer({ minimum: 0, description: 'Entries that the restored log had: the first ones of the new one.' }),
    sealed_size: Type.Union([Count, Type.Null()], {
      description: 'Entries of the earlier log that were sealed; null: not known.',
    }),
    sealed_root: Type.Union([Type.String(), Type.Null()], { description: 'Root over them, base64.' }),
    finished: Type.Boolean({ description: 'Whether keys were made and erasures repeated.' }),
  },
  closed,
)
const Restore = Type.Object(
  {
    forks: Type.Array(Fork, { description: 'The last one first; none: nothing was ever restored.' }),
    held: Type.Object({ agents: Count, trust_sources: Count, accounts: Count }, closed),
    agents: Named('agent'),
    trust_sources: Named('trustSource'),
  },
  closed,
)

export function restoreRoutes(app: V1App, deps: V1Deps): void {
  const summary = 'Say whether a backup was restored, and what waits since then'
  app.get(
    '/v1/restore',
    { schema: { tags: ['restore'], security: operatorSecurity, summary, response: { 200: Restore, ...problems } } },
    async request => {
      const { tenantId } = principalOf(request)
      const counts = (await readHeld(deps.db)).filter(row => tenantId === null || row.tenantId === tenantId)
      const sum = (name: keyof HeldCounts): number => counts.reduce((total, row) => total + row[name], 0)
      const names = (table: 'mayfly.agent' | 'mayfly.trust_source') =>
        tenantId === null ? [] : listHeldRegistrations(deps.db.forTenant(tenantId), table)
      const [agents, sources] = [await names('mayfly.agent'), await names('mayfly.trust_source')]
      return {
        forks: (await listForks(deps.db)).map(({ at, fromShard, toShard, size, sealedSize, sealedRoot, finished }) => ({
          at: at.toISOString(),
          ...{ from_shard: fromShard, to_shard: toShard, size, sealed_size: sealedSize, sealed_root: sealedRoot, finished },
        })),
        held: { agents: sum('agents'), trust_sources: sum('trustSources'), accounts: sum('accounts') },
        agents: agents.map(({ id, name }) => ({ id: formatId('agent', id), name })),
        trust_sources: sources.map(({ id, name }) => ({ id: formatId('trustSource', id), name })),
      }
    },
  )
  const schema = {
    ...accountTags,
    summary: 'Let an account go on that waits since a restore',
    params: IdParams('account'),
    headers: IdempotencyHeader,
    response: { 200: AccountView, ...problems },
  }
  app.post('/v1/accounts/:id/reinstate', { schema }, async (request, reply) => {
    const actor = principalOf(request)
    const tenantId = ownTenant(actor)
    const row = await getAccount(deps, tenantId, uuidOf('account', request.params.id))
    if (row.state !== 'h' && row.state !== 'a')
      throw new BrokerError('conflict', { hint: 'Only an account that waits since a restore can be reinstated.' })
    if (row.state === 'h')
      await reinstateAccounts(deps.db, [{ id: row.id, tenantId, agentId: row.agentId }], actorFacts(actor), deps.clock.nowMs())
    return reply.send(await showAccount(deps, await getAccount(deps, tenantId, row.id)))
  })
}
