// What the worker does with keys: each rotation's steps when they are due, and sealing keys anew when that was ordered.

import type { Logger } from 'pino'
import { openKeyEncryption, signingTimesOf } from '#apps/process/key-settings.ts'
import { type RewrapRound, rewrapKeys } from '#core/keys/rewrap.ts'
import { type RotationRound, rotateDueKeys } from '#core/keys/rotation/rotate-due.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import type { Database } from '#db/connect.ts'
import { readClock } from '#db/server/check-server.ts'
import type { WorkerConfig } from './config.ts'

export interface KeyRound {
  readonly rotation: RotationRound
  readonly rewrap: RewrapRound
}

/** Looks after the keys once. Failures of single keys are logged; throws when the database cannot be asked. */
export async function tendKeys(database: Database, config: WorkerConfig, logger: Logger): Promise<KeyRound> {
  const keyEncryption = openKeyEncryption(config)
  const nowMs = await readClock(database.sql)
  const uses = rotatingUses(keyEncryption, { signing: signingTimesOf(config) })
  const rotation = await rotateDueKeys({ db: database.db, uses }, nowMs)
  for (const { error, ...step } of rotation.failures) logger.error({ err: error, ...step }, 'a step of a key rotation failed')
  const { published, activated, retired } = rotation
  if (published + activated + retired > 0) logger.info({ published, activated, retired }, 'keys rotated')
  const rewrap = await rewrapKeys({ db: database.db, keyEncryption }, nowMs)
  for (const { error, ...row } of rewrap.failures) logger.error({ err: error, ...row }, 'a sealed key does not open')
  if (rewrap.outcome === 'other_key')
    logger.warn('keys are to be sealed under a key-encryption key that is not the current one of this worker')
  else if (rewrap.outcome !== 'none') logger.info({ rewrapped: rewrap.rewrapped, outcome: rewrap.outcome }, 'keys sealed anew')
  return { rotation, rewrap }
}
