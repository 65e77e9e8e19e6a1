import { Type } from 'typebox'
import { refuseStrangers, takeStrangers } from '#core/anonymous/set-agent.ts'
import { NothingThere } from '#core/errors/nothing-there.ts'
import { formatId } from '#core/ids/id.ts'
import { findAnonymousAgent } from '#db/quota/anonymous.ts'
import { withTenant } from '#db/with-tenant.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams } from './schemas.ts'
import { namedTenant, registerTenantSetting, tenantChange } from './tenant-setting.ts'

const Body = Type.Object(
  { agent: Id('agent', 'Whose accounts strangers get: without rules, with a tiny ceiling.') },
  { ...closed, examples: [{ agent: 'agt_0198c0ffee00700080000000000000aa' }] },
)

const path = '/v1/tenants/:id/anonymous'

export function anonymousRoutes(app: V1App, deps: V1Deps): void {
  registerTenantSetting(app, deps, {
    path,
    tag: 'tenant',
    summaries: {
      get: 'As which agent strangers get accounts here',
      put: 'Take strangers in this tenant: the one in the deployment that may',
    },
    Body,
    View: Body,
    async show(db, tenantId) {
      const agentId = await findAnonymousAgent(db, tenantId)
      if (agentId === undefined) throw new NothingThere('This tenant takes no strangers.')
      return { agent: formatId('agent', agentId) }
    },
    async set(trx, change, { agent }) {
      await withTenant(trx, change.tenantId, () => takeStrangers(trx, change, uuidOf('agent', agent)))
      return { agent }
    },
  })
  registerOperation(
    app,
    deps,
    {
      route: `DELETE ${path}`,
      status: 204,
      tenantOf: namedTenant,
      work: async (trx, call) => {
        await withTenant(trx, namedTenant(call), () => refuseStrangers(trx, tenantChange(call)))
        return undefined
      },
    },
    { tags: ['tenant'], params: IdParams('tenant'), summary: 'Take strangers no more', answer: Type.Null() },
  )
}
