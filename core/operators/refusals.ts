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
  /** Being written: whoever asks the same meanwhile waits for it, too. */
  readonly #saying = new Map<string, Promise<void>>()

  /** Resolves when it is in the log. db: of the principal's tenant. nowMs: the database's clock. */
  async record(db: Db, refusal: Refusal, nowMs: number): Promise<void> {
    const name = `${refusal.principal.credentialId} ${refusal.operation} ${refusal.reason}`
    const said = this.#said.get(name)
    if (said !== undefined && nowMs - said < onceMs && nowMs >= said) return
    let saying = this.#saying.get(name)
    if (!saying) {
      saying = write(db, refusal, nowMs)
        .then(() => void this.#said.set(name, nowMs))
        .finally(() => this.#saying.delete(name))
      this.#saying.set(name, saying)
    }
    await saying
  }
}

async function write(db: Db, { principal, operation, reason, target }: Refusal, nowMs: number): Promise<void> {
  const facts = { ...actorFacts(principal), operation, reason, ...(target !== undefined && { target }) }
  const event = { type: 'operator.refused', tenantId: principal.tenantId, facts } as const
  await db.transaction().execute(trx => recordEvent(trx, event, nowMs))
}
