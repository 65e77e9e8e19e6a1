// An operator who asks for what its role does not allow is a decision like any other, and the first thing to look at when a credential was
// stolen. Asking the same again is told once a minute: nobody fills the log by asking.

import { LRUCache } from 'lru-cache'
import { recordEvent } from '#core/audit/record.ts'
import type { Db } from '#db/connect.ts'
import { actorFacts, type Principal } from './principal.ts'

const onceMs = 60_000
const mostRemembered = 10_000

export class OperatorRefusals {
  readonly #said = new LRUCache<string, number>({ max: mostRemembered })

  /** Resolves when it is in the log. operation: `METHOD /path/:param`. db: of the principal's tenant. nowMs: the database's clock. */
  async record(db: Db, principal: Principal, operation: string, nowMs: number): Promise<void> {
    const name = `${principal.credentialId} ${operation}`
    const said = this.#said.get(name)
    if (said !== undefined && nowMs - said < onceMs && nowMs >= said) return
    const facts = { ...actorFacts(principal), operation, reason: 'role' }
    const event = { type: 'operator.refused', tenantId: principal.tenantId, facts } as const
    await db.transaction().execute(trx => recordEvent(trx, event, nowMs))
    this.#said.set(name, nowMs)
  }
}
