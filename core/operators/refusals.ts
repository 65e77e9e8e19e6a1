// An operator who is told no is a decision like any other, and the first thing to look at when a credential was stolen. Asking the same
// again is told once a minute: nobody fills the log by asking, not by asking all at once either. Another target is not the same: else one
// harmless refusal would hide what is reached for behind it. Of those a minute tells so many for each credential.

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
/** Beyond the first target of each operation and reason. */
const moreTargets = 20

/** What one credential was refused within a minute. */
interface Said {
  readonly fromMs: number
  /** By operation and reason, and by target beside them: resolves when it is in the log. */
  readonly told: Map<string, Promise<void>>
  targets: number
}

export class OperatorRefusals {
  readonly #said = new LRUCache<string, Said>({ max: mostRemembered })

  /** Resolves when it is in the log, or the same is. db: of the principal's tenant. nowMs: the database's clock. */
  record(db: Db, refusal: Refusal, nowMs: number): Promise<void> {
    const { principal, operation, reason, target } = refusal
    const said = this.#saidOf(principal.credentialId, nowMs)
    const name = `${operation} ${reason}`
    const exactly = `${name} ${target ?? ''}`
    const first = said.told.get(name)
    const before = said.told.get(exactly) ?? (target === undefined || said.targets >= moreTargets ? first : undefined)
    if (before) return before
    if (first) said.targets++
    const names = first ? [exactly] : [name, exactly]
    const written = write(db, refusal, nowMs).catch((error: unknown) => {
      for (const each of names) said.told.delete(each)
      throw error
    })
    for (const each of names) said.told.set(each, written)
    return written
  }

  #saidOf(credentialId: string, nowMs: number): Said {
    const last = this.#said.get(credentialId)
    // Requests that run beside each other read the clock in any order.
    if (last !== undefined && Math.abs(nowMs - last.fromMs) < onceMs) return last
    const said = { fromMs: nowMs, told: new Map<string, Promise<void>>(), targets: 0 }
    this.#said.set(credentialId, said)
    return said
  }
}

async function write(db: Db, { principal, operation, reason, target }: Refusal, nowMs: number): Promise<void> {
  const facts = { ...actorFacts(principal), operation, reason, ...(target !== undefined && { target }) }
  const event = { type: 'operator.refused', tenantId: principal.tenantId, facts } as const
  await db.transaction().execute(trx => recordEvent(trx, event, nowMs))
}
