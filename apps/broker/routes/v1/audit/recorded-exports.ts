// An export is many calls and one event: its first call names the whole of it, and the calls that stay within are known by that.

import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { recordEvent } from '#core/audit/record.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { principalOf } from '../../../http/access.ts'
import type { V1Deps } from '../deps.ts'

type Exported = Required<Pick<FactsOf<'audit.exported'>, 'format' | 'from' | 'to'>>

/** Behind so long it is another export. */
const onceMs = 3_600_000

export class RecordedExports {
  readonly #deps: V1Deps
  readonly #recorded = new LRUCache<string, Exported & { readonly atMs: number }>({ max: 1_000 })

  constructor(deps: V1Deps) {
    this.#deps = deps
  }

  /** Resolves when the log has it: nothing is shown before. tenantId: uuid of whose entries; null: of all. */
  async record(request: FastifyRequest, tenantId: string | null, exported: Exported): Promise<void> {
    const nowMs = this.#deps.clock.nowMs()
    const principal = principalOf(request)
    const name = `${principal.credentialId} ${tenantId} ${exported.format}`
    const known = this.#recorded.get(name)
    const isKnown = known && nowMs - known.atMs < onceMs && exported.from >= known.from && exported.to <= known.to
    if (isKnown) return
    const facts = { ...actorFacts(principal), ...exported }
    await this.#deps.db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => recordEvent(trx, { type: 'audit.exported', tenantId, facts }, nowMs))
    this.#recorded.set(name, { ...exported, atMs: nowMs })
  }
}
