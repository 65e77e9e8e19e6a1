// Reading is audited too. One event says who asked what; asking the same again, or for its next page, is said once a minute: a page that
// refreshes itself must not fill the log that it shows. But nobody reads the log behind a glance at one entry: when much more was shown than
// was said, it is said at once.

import { LRUCache } from 'lru-cache'
import type { ActorFacts } from '#core/audit/catalogue/fields.ts'
import { recordEvent } from '#core/audit/record.ts'
import type { Db } from '#db/connect.ts'

export interface Reading {
  /** uuid of the tenant whose log it is; null: of all. */
  readonly tenantId: string | null
  readonly actor: ActorFacts
  /** `GET /v1/audit` */
  readonly operation: string
  readonly filters: Readonly<Record<string, unknown>>
  readonly entries: number
}

const onceMs = 60_000
/** So many times what was said may be shown before it is said again, and this many entries in any case. */
const [timesMore, atLeast] = [20, 200]

interface Said {
  readonly atMs: number
  readonly entries: number
  /** Shown since. */
  untold: number
}

export class Readings {
  readonly #said = new LRUCache<string, Said>({ max: 10_000 })

  /** Resolves when it is in the log: nothing is shown before. db: of the reading's tenant. nowMs: the database's clock. */
  async record(db: Db, { tenantId, actor, operation, filters, entries: shown }: Reading, nowMs: number): Promise<void> {
    const name = JSON.stringify([tenantId, actor, operation, filters])
    const said = this.#said.get(name)
    const entries = (said?.untold ?? 0) + shown
    const isFresh = said !== undefined && nowMs - said.atMs < onceMs && nowMs >= said.atMs
    if (isFresh && entries <= Math.max(atLeast, timesMore * said.entries)) {
      said.untold = entries
      return
    }
    const facts = { ...actor, operation, filters, entries }
    await db.transaction().execute(trx => recordEvent(trx, { type: 'audit.read', tenantId, facts }, nowMs))
    this.#said.set(name, { atMs: nowMs, entries, untold: 0 })
  }
}
