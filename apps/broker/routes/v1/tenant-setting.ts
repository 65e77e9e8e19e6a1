// What is set for one tenant, below its own path: shown to whoever sees the tenant, replaced as a whole.

import type { Static, TSchema } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { Db, Trx } from '#db/connect.ts'
import { principalOf } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call, Operation } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { IdParams, operatorSecurity, problems } from './schemas.ts'

export interface TenantChange {
  readonly actor: Principal
  /** uuid of the tenant that it is set for. */
  readonly tenantId: string
  readonly nowMs: number
}

export interface TenantSetting<Body extends TSchema, View extends TSchema> {
  /** `/v1/tenants/:id/limits` */
  readonly path: string
  readonly tag: string
  readonly summaries: { readonly get: string; readonly put: string }
  readonly Body: Body
  readonly View: View
  show(db: Db, tenantId: string): Promise<Static<View>>
  /** Returns what is shown then. */
  set(trx: Trx, change: TenantChange, body: Static<Body>): Promise<Static<View> & object>
  /** Whether what is set before is shown to the second person, where a change waits for one. */
  readonly isCompared?: boolean
}

export function registerTenantSetting<Body extends TSchema, View extends TSchema>(
  app: V1App,
  deps: V1Deps,
  setting: TenantSetting<Body, View>,
): void {
  // Inside, the schemas are just schemas: they are checked at run time, and their types end at this function's edge.
  const { path, tag, summaries, View, Body, show, set, isCompared } = setting as unknown as TenantSetting<TSchema, TSchema>
  const described = { tags: [tag], params: IdParams('tenant') }
  app.get(
    path,
    {
      schema: { ...described, security: operatorSecurity, summary: summaries.get, response: { 200: View, ...problems } },
    },
    async request => {
      const tenantId = visibleTenant(principalOf(request), request.params.id)
      return await show(deps.db.forTenant(tenantId), tenantId)
    },
  )
  const present = async (db: Db, call: Call) => (await show(db, namedTenant(call))) as object
  registerOperation(
    app,
    deps,
    {
      route: `PUT ${path}`,
      status: 200,
      tenantOf: namedTenant,
      ...(isCompared && { present }),
      work: (trx, call) => set(trx, tenantChange(call), call.body),
    } satisfies Operation,
    { ...described, summary: summaries.put, body: Body, answer: View },
  )
}

export const namedTenant = ({ actor, params }: Call): string => visibleTenant(actor, params['id']!)

export const tenantChange = (call: Call): TenantChange => ({
  actor: call.actor,
  tenantId: namedTenant(call),
  nowMs: call.nowMs,
})

/** A platform-admin sees all tenants, everybody else the own one. */
function visibleTenant(actor: Principal, named: string): string {
  const id = uuidOf('tenant', named)
  if (actor.tenantId !== null && actor.tenantId !== id) throw new BrokerError('not_found')
  return id
}
