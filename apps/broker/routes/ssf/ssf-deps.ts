import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Caller, ReceiverAuthenticator } from '#core/ssf/authenticate-receiver.ts'
import type { Wakes } from '#core/ssf/wakes.ts'
import type { Clock } from '#core/time/clock.ts'
import type { Db, Trx } from '#db/connect.ts'

export interface SsfRouteDeps {
  readonly directory: TenantDirectory
  readonly clock: Clock
  readonly keyEncryption: KeyEncryption
  readonly receivers: ReceiverAuthenticator
  /** Who waits for events of which tenant. */
  readonly wakes: Wakes
  readonly dbOf: (tenantId: string) => Db
  /** How long a poll waits for an event; 20 s when nothing is said. */
  readonly pollSeconds?: number
}

/** What a request of a receiver is about, once it is known who calls. */
export interface SsfCall {
  readonly caller: Caller
  readonly snapshot: TenantSnapshot
}

export type CallOf = (request: unknown) => SsfCall

/** Of every route, for OpenAPI. */
export const documented = { tags: ['security events'], security: [{ receiver: [] }] }

/** One change, one transaction. */
export const transact = <T>(deps: SsfRouteDeps, { caller }: SsfCall, work: (trx: Trx) => Promise<T>): Promise<T> =>
  deps.dbOf(caller.tenantId).transaction().execute(work)

/** Throws `not_found`: what is no id of a stream names none. */
export function streamUuid(text: string): string {
  const id = parseId('stream', text)
  if (id === undefined) throw new BrokerError('not_found')
  return id
}
