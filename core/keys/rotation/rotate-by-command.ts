// Rotation because somebody wants it. In the ordinary way the successor is only published; the worker does the rest when its
// time has come, as if the key had grown old. In an emergency everything happens at once, verifiers are told, and the answer says what
// it costs.

import { refuseProblems } from '#core/errors/validation-error.ts'
import { newUuid } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { publishKeys } from '#core/revocation/publish.ts'
import type { Trx } from '#db/connect.ts'
import type { FreshKey, RotatingUse } from './rotating-use.ts'
import { publishSuccessor, replaceKeys } from './steps.ts'

export interface RotationCommand {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly use: RotatingUse
  /** undefined: every algorithm of the use. */
  readonly alg: string | undefined
  /** An emergency. */
  readonly now: boolean
  readonly nowMs: number
}

/** A key for each algorithm that the command names. Slow; to be called before the transaction. Throws `validation_failed`. */
export function createFreshKeys(command: Omit<RotationCommand, 'actor' | 'now'>): Promise<Map<string, FreshKey>> {
  const { use, alg, tenantId, nowMs } = command
  if (alg !== undefined && !use.algs.includes(alg))
    refuseProblems([{ pointer: '/alg', detail: `Keys for ${use.use} have the algorithms ${use.algs.join(', ')}.` }])
  const algs = alg === undefined ? use.algs : [alg]
  return Promise.all(algs.map(async each => [each, await use.create(tenantId, each, nowMs)] as const)).then(made => new Map(made))
}

export interface RotationOutcome {
  /** `kid`s that were retired at once; none in the ordinary way. */
  readonly retired: readonly string[]
  /** uuid of the revocation of whatever they signed; undefined: none was needed. */
  readonly revocationId: string | undefined
}

/** Where a successor is published already nothing is done. */
export async function rotateByCommand(
  trx: Trx,
  command: RotationCommand,
  fresh: ReadonlyMap<string, FreshKey>,
): Promise<RotationOutcome> {
  const { use, tenantId, nowMs, actor } = command
  const retired: string[] = []
  for (const [alg, key] of fresh) {
    const change = { tenantId, alg, nowMs, facts: actorFacts(actor) }
    if (command.now) retired.push(...(await replaceKeys(trx, use, key, change)))
    else await publishSuccessor(trx, use, key, change)
  }
  // What the built-in CA's keys sign are certificates, which guards never meet.
  if (retired.length === 0 || use.use !== 'signing') return { retired, revocationId: undefined }
  const id = newUuid(nowMs)
  const target = { kind: 'key', subject: retired[0]! } as const
  await publishKeys(trx, { id, tenantId, cause: 'key', facts: actorFacts(actor), target }, retired, nowMs)
  return { retired, revocationId: id }
}
