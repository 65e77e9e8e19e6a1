import { type Static, Type } from 'typebox'
import { refuseStrangers, takeStrangers } from '#core/anonymous/set-agent.ts'
import { NothingThere } from '#core/errors/nothing-there.ts'
import { formatId } from '#core/ids/id.ts'
import { findAnonymousAgent } from '#db/quota/anonymous.ts'
import { withTenant } from '#db/with-tenant.ts'
import { principalOf } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { visibleTenant } from './limits.ts'
import type { Call } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, operatorSecurity, problems } from './schemas.ts'

const Body = Type.Object(
  { agent: Id('agent', 'Whose accounts strangers get: without rules, with a tiny ceiling.') },
  { ...closed, examples: [{ agent: 'agt_0198c0ffee00700080000000000000aa' }] },
)

const path = '/v1/tenants/:id/anonymous'

export function anonymousRoutes(app: V1App, deps: V1Deps): void {
  const base = { tags: ['tenant'], params: IdParams('tenant') }
  app.get(
    path,
    {
      schema: {
        ...base,
        security: operatorSecurity,
        summary: 'As which agent strangers get accounts here',
        response: { 200: Body, ...problems },
      },
    },
    async request => {
      const tenantId = visibleTenant(principalOf(request), request.params.id)
      const agentId = await findAnonymousAgent(deps.db.forTenant(tenantId), tenantId)
      if (agentId === undefined) throw new NothingThere('This tenant takes no strangers.')
      return { agent: formatId('agent', agentId) }
    },
  )
  const tenantOf = ({ actor, params }: Call): string => visibleTenant(actor, params['id']!)
  const changeOf = (call: Call) => ({ actor: call.actor, tenantId: tenantOf(call), nowMs: call.nowMs })
  registerOperation(
    app,
    deps,
    {
      route: `PUT ${path}`,
      status: 200,
      tenantOf,
      work: async (trx, call) => {
        const { agent } = call.body as Static<typeof Body>
        await withTenant(trx, tenantOf(call), () => takeStrangers(trx, changeOf(call), uuidOf('agent', agent)))
        return { agent }
      },
    },
    { ...base, summary: 'Take strangers in this tenant: the one in the deployment that may', body: Body, answer: Body },
  )
  registerOperation(
    app,
    deps,
    {
      route: `DELETE ${path}`,
      status: 204,
      tenantOf,
      work: async (trx, call) => {
        await withTenant(trx, tenantOf(call), () => refuseStrangers(trx, changeOf(call)))
        return undefined
      },
    },
    { ...base, summary: 'Take strangers no more', answer: Type.Null() },
  )
}
