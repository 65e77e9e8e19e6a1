import type { IncomingMessage } from 'node:http'
import type { HttpsClient } from '#apps/outbound/https.ts'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import type { Rejections } from '#core/exchange/rejections.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { JwksStore } from '#core/subject/jwks-store.ts'
import type { Clock } from '#core/time/clock.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

/** What the console's pages and their API stand on. */
export interface ConsoleDeps {
  /** Sees no tenant's rows. */
  readonly db: UnscopedDb
  readonly claims: ClaimDeps
  readonly directory: TenantDirectory
  /** On the database's time. */
  readonly clock: Clock
  /** Its origin is the only one that pages come from. */
  readonly publicUrl: string
  /** At least 32 bytes, the same in all replicas. */
  readonly secret: Uint8Array
  readonly jwks: JwksStore
  readonly rejections: Rejections
  readonly addressOf: (request: IncomingMessage) => string
  /** To sign-in providers. */
  readonly https: HttpsClient
  /** Of the built console; left out: beside this app. */
  readonly assetsFolder?: string | undefined
}
