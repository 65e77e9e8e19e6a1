// Agents and trust sources get nothing new for a while, and again. What they have lives on: that is what revoking is for.

import { type Static, Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import { changeSuspension, type Suspendable, suspendable } from '#core/revocation/suspend.ts'
import type { Db } from '#db/connect.ts'
import { findSuspended } from '#db/registry/suspensions.ts'
import { ownTenant } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call, Operation } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { Id, IdParams } from './schemas.ts'

const View = (kind: Suspendable) =>
  Type.Object(
    {
      id: Id(suspendable[kind].idKind),
      suspended: Type.Boolean(),
      suspended_at: Type.Union([Type.String(), Type.Null()], { description: 'RFC 3339, UTC; null: it is not suspended.' }),
    },
    { additionalProperties: false },
  )

const rows = [
  { kind: 'agent', path: '/v1/agents/:id', noun: 'agent' },
  { kind: 'trust_source', path: '/v1/trust-sources/:id', noun: 'trust source' },
] as const

const verbs = [
  { verb: 'suspend', suspended: true, summary: (noun: string) => `Give one ${noun} nothing new until it is reinstated` },
  { verb: 'reinstate', suspended: false, summary: (noun: string) => `Let one suspended ${noun} have tokens again` },
] as const

export function suspensionRoutes(app: V1App, deps: V1Deps): void {
  for (const { kind, path, noun } of rows) {
    const { idKind, table } = suspendable[kind]
    const idOf = (call: Call): string => uuidOf(idKind, call.params['id']!)
    const show = async (db: Db, call: Call): Promise<Static<ReturnType<typeof View>> | undefined> => {
      const since = await findSuspended(db, table, idOf(call))
      return since === undefined
        ? undefined
        : { id: formatId(idKind, idOf(call)), suspended: since !== null, suspended_at: since?.toISOString() ?? null }
    }
    for (const { verb, suspended, summary } of verbs) {
      const operation: Operation = {
        route: `POST ${path}/${verb}`,
        status: 200,
        tenantOf: call => ownTenant(call.actor),
        present: show,
        async work(trx, call) {
          const change = { actor: call.actor, tenantId: ownTenant(call.actor), nowMs: call.nowMs }
          await changeSuspension(trx, change, { kind, id: idOf(call), suspended })
          return show(trx, call)
        },
      }
      registerOperation(app, deps, operation, {
        tags: [noun],
        summary: summary(noun),
        params: IdParams(idKind),
        answer: View(kind),
      })
    }
  }
}
