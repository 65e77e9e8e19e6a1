import type { Logger } from 'pino'
import type { VerifySignature } from '#core/subject/signature-verifier.ts'
import type { DatabaseClock } from '#core/time/database-clock.ts'
import { type FetchDocument, TrustMaterial } from '#core/trust-material/trust-material.ts'

const everyMs = 1_000

/** Keeps bundles and revocation lists fresh in the background until `close`. */
export function followTrustMaterial(
  fetch: FetchDocument,
  verify: VerifySignature,
  clock: DatabaseClock,
  logger: Logger,
): { readonly material: TrustMaterial; close(): void } {
  const material = new TrustMaterial(fetch, verify, ({ id, url }, err) =>
    logger.warn({ trustSource: id, host: URL.parse(url)?.host, err }, 'what a trust source publishes cannot be had'),
  )
  const timer = setInterval(() => material.refreshDue(clock.nowMs()), everyMs).unref()
  return { material, close: () => clearInterval(timer) }
}
