// A change as something that can be done later: route, path, body and actor are all it needs, no request. So one that waits
// for a second person is done by the very code that would have done it at once.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { Db, Trx } from '#db/connect.ts'
import { ownTenant } from '../../http/access.ts'

export interface Call {
  readonly actor: Principal
  /** What stands in the path, checked by the route's schema; so is the body. */
  readonly params: Readonly<Record<string, string>>
  readonly body: unknown
  readonly nowMs: number
}

export interface Operation {
  /** `PUT /v1/agents/:id` */
  readonly route: string
  readonly status: 200 | 201 | 204
  /** Its answer holds a secret, which is for the one who asked alone. */
  readonly secret?: boolean
  /** What it will bring cannot be told beforehand: whoever approves is shown the body as what will be. So with a secret. */
  readonly showsBody?: boolean
  /** uuid of the tenant whose it is; null: the deployment's. Throws what the caller may not. */
  tenantOf(call: Call): string | null
  /** What it is about, as shown; undefined: nothing there. */
  present?(db: Db, call: Call): Promise<object | undefined>
  /** What takes long and needs no transaction; done before one is opened. */
  prepare?(call: Call): Promise<unknown>
  /** prepared: what `prepare` gave. Returns what is shown of the outcome; undefined: nothing is left. */
  work(trx: Trx, call: Call, prepared: unknown): Promise<object | undefined>
}

/** Of operations on what is the caller's tenant's alone. */
export const ofOwnTenant: Pick<Operation, 'tenantOf'> = { tenantOf: ({ actor }) => ownTenant(actor) }

/** What can wait, by route. */
export class Operations {
  readonly #byRoute = new Map<string, Operation>()

  add(operation: Operation): void {
    this.#byRoute.set(operation.route, operation)
  }

  has(route: string): boolean {
    return this.#byRoute.has(route)
  }

  /** Throws `conflict` for one that a newer or older version of the broker knew. */
  get(route: string): Operation {
    const operation = this.#byRoute.get(route)
    if (!operation) throw new BrokerError('conflict', { hint: 'This broker has no such operation any more. Propose it again.' })
    return operation
  }
}

/** Members that are not part of what an operator writes: they come with the making, or change by themselves. */
const stamped = new Set(['id', 'client_id', 'created_at', 'updated_at', 'suspended_at', 'last_used_at'])

/** What is shown of a thing, without what comes by itself, as JSON has it: what was stored and what is now can be compared. */
export function withoutStamps(view: object | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!view) return undefined
  return JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(view).filter(([name]) => !stamped.has(name)))))
}
