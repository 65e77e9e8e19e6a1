// A revocation on its way: whom it has reached, whom not yet.

import type { AnyRevocation, MayflyApi } from './generated.ts'

/** Longest time that the broker holds one answer back, in seconds. */
const longestWait = 10

/** Options of `watchRevocation`. */
export interface WatchOptions {
  readonly signal?: AbortSignal
  /** For a platform-admin, who belongs to no tenant: whose it is. */
  readonly tenant?: string
}

/**
 * How things stand at once, and again whenever they are otherwise (at least every ten seconds), until every verifier that listens has
 * the revocation. Who cannot be reached is waited for until `signal` aborts; a guard that hears nothing refuses everything by itself.
 *
 * @example
 * for await (const { receivers } of watchRevocation(api, id, { signal: AbortSignal.timeout(30_000) })) {
 *   console.log(`${receivers.acknowledged.length} have it, ${receivers.waiting.length} do not`)
 * }
 */
export async function* watchRevocation(
  { revocations }: Pick<MayflyApi, 'revocations'>,
  id: string,
  { signal, tenant }: WatchOptions = {},
): AsyncGenerator<AnyRevocation, void> {
  const options = signal ? { signal } : {}
  const whose = tenant === undefined ? {} : { tenant }
  let current = await revocations.get(id, whose, options)
  yield current
  while (current.receivers.waiting.length > 0) {
    current = await revocations.get(id, { ...whose, wait: longestWait }, options)
    yield current
  }
}
