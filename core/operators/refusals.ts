// An operator who is told no is a decision like any other, and the first thing to look at when a credential was stolen. Asking the same
// again is told once a minute: nobody fills the log by asking.

import { LRUCache } from 'lru-cache'
import { recordEvent } from '#core/audit/record.ts'
import type { Db } from '#db/connect.ts'
import { actorFacts, type Principal } from './principal.ts'

export interface Refusal {
  readonly principal: Principal
  /** `METHOD /path/:param` */
  readonly operation: string
  /** `role`: the call is for other roles; else the code of the error that was answered. */
  readonly reason: string
  /** The id of ours that the request named, another tenant's say. */
  readonly target?: string | undefined
}

const onceMs = 60_000
const mostRemembered = 10_000

export class OperatorRefusals {
  readonly #said = new LRUCache<string, number>({ max: mostRemembered })

  /** Resolves when it is in the log. db: of the principal's tenant. nowMs: the database's clock. */
  async record(db: Db, { principal, operation, reason, target }: Refusal, nowMs: number): Promise<void> {
    const name = `${principal.credentialId} ${operation} ${reason}`
    const said = this.#said.get(name)
    if (said !== undefined && nowMs - said < onceMs && nowMs >= said) return
    const facts = { ...actorFacts(principal), operation, reason, ...(target !== undefined && { target }) }
    const event = { type: 'operator.refused', tenantId: principal.tenantId, facts } as const
    await db.transaction().execute(trx => recordEvent(trx, event, nowMs))
    this.#said.set(name, nowMs)
  }
}
