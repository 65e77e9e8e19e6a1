// The schedule: whatever is due is done, step by step, until nothing is due. Everything that it needs stands in the rows, so
// it may be called at any time, by any number of workers, and after any crash.

import { type DueStep, findDueSteps } from '#db/keys/key-rows.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import type { RotatingUse } from './rotating-use.ts'
import { takeStep } from './steps.ts'

/** Moments at which a test may throw, as if the process died there. In the product nobody listens. */
export type RotationFailpoint = (moment: `${DueStep['step']}-${'uncommitted' | 'committed'}`) => void

export interface RotationDeps {
  readonly db: UnscopedDb
  readonly uses: readonly RotatingUse[]
  readonly failpoint?: RotationFailpoint | undefined
}

export interface RotationRound {
  readonly published: number
  readonly activated: number
  readonly retired: number
  /** Steps that failed; they stay due and hold up no other. */
  readonly failures: readonly (DueStep & { readonly use: RotatingUse['use']; readonly error: unknown })[]
}

const batch = 500

/** nowMs: the database's clock. Throws when the database cannot be asked what is due. */
export async function rotateDueKeys(deps: RotationDeps, nowMs: number): Promise<RotationRound> {
  const done = { publish: 0, activate: 0, retire: 0 }
  const failures: RotationRound['failures'][number][] = []
  for (const use of deps.uses) {
    const failed = new Set<string>()
    for (;;) {
      const due = await findDueSteps(deps.db, use.table, use.times, nowMs, batch + failed.size)
      const todo = due.filter(step => !failed.has(nameOf(step)))
      const before = done.publish + done.activate + done.retire + failed.size
      for (const step of todo) {
        try {
          if (await doStep(deps, use, step, nowMs)) done[step.step] += 1
        } catch (error) {
          failed.add(nameOf(step))
          failures.push({ ...step, use: use.use, error })
        }
      }
      // Nothing left, or nothing but what another worker is about to commit.
      if (done.publish + done.activate + done.retire + failed.size === before) break
    }
  }
  return { published: done.publish, activated: done.activate, retired: done.retire, failures }
}

const nameOf = ({ tenantId, alg, step }: DueStep): string => `${tenantId} ${alg} ${step}`

async function doStep(deps: RotationDeps, use: RotatingUse, due: DueStep, nowMs: number): Promise<boolean> {
  const { tenantId, alg, step } = due
  const fresh = step === 'publish' ? await use.create(tenantId, alg, nowMs) : undefined
  const stepped = await deps.db
    .forTenant(tenantId)
    .transaction()
    .execute(async trx => {
      const change = { tenantId, alg, nowMs, facts: { by: 'schedule' } as const }
      const result = await takeStep(trx, use, step, change, fresh)
      deps.failpoint?.(`${step}-uncommitted`)
      return result
    })
  deps.failpoint?.(`${step}-committed`)
  return stepped
}
