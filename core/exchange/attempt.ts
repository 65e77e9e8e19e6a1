import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { ExchangeInput } from './exchange.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { PresentedKeys } from './presented-keys.ts'

/** One try at deciding a request. What the commit finds to have changed leads to the next, on a fresh clock and snapshot. */
export interface Attempt {
  readonly deps: ExchangeDeps
  readonly input: ExchangeInput
  readonly snapshot: TenantSnapshot
  readonly presented: PresentedKeys
  /** Hex of SHA-256 over the subject token: the name under which it is remembered. */
  readonly tokenHash: string
  /** The database's clock, milliseconds since the epoch; read once. */
  readonly nowMs: number
  /** Nothing has contradicted what is assumed of the account yet. */
  readonly first: boolean
}
