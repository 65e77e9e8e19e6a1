import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Database } from '#db/connect.ts'
import { createSealerLock } from '#db/log/sealer-lock.ts'
import { createWitnesses } from '../witnesses/witnesses.ts'
import { type Sealer, startSealer } from './sealer.ts'
import type { SealerSettings } from './settings.ts'

export interface SealingDeps {
  readonly settings: SealerSettings
  readonly database: Pick<Database, 'sql'>
  readonly databaseUrl: string
  readonly logger: Logger
  readonly registry: Registry
}

/** The sealer with its lock and its witnesses. */
export function startSealing({ settings, database, databaseUrl, logger, registry }: SealingDeps): Sealer {
  const witnesses = createWitnesses(settings.witnesses, {
    onFault(witness, fault, refused) {
      if (fault === undefined) logger.info({ witness }, 'the witness cosigns again')
      else logger[refused ? 'fatal' : 'warn']({ witness, fault }, 'the witness did not cosign the log')
    },
  })
  const sealer = startSealer({
    settings,
    database,
    logger,
    registry,
    lock: createSealerLock(databaseUrl),
    ...(settings.witnesses.length > 0 && { cosign: witnesses.cosign, witnesses: witnesses.report }),
  })
  return {
    ...sealer,
    async close() {
      await sealer.close()
      await witnesses.close()
    },
  }
}
