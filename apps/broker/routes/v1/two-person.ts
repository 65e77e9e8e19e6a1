import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Principal } from '#core/operators/principal.ts'
import { changeClasses } from '#core/operators/two-person/change-class.ts'
import { setTwoPersonRule } from '#core/operators/two-person/set-rule.ts'
import { findTwoPerson } from '#db/operators/two-person.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { registerOperation } from './register-operation.ts'
import { closed, IdParams, operatorSecurity, problems } from './schemas.ts'

const Rule = Type.Object(
  {
    classes: Type.Array(Type.Enum([...changeClasses]), {
      maxItems: changeClasses.length,
      uniqueItems: true,
      description:
        'trust: trust sources. ceilings: agents, resources. keys: signing keys. operators: tokens. audit: erasing, retention, lifting a hold. None: one person is enough.',
    }),
  },
  { ...closed, examples: [{ classes: ['trust', 'ceilings'] }] },
)

const path = '/v1/tenants/:id/two-person'

export function twoPersonRoutes(app: V1App, deps: V1Deps): void {
  const tags = ['tenant']
  app.get(
    path,
    {
      schema: {
        tags,
        security: operatorSecurity,
        summary: 'Which changes of this tenant need two people',
        params: IdParams('tenant'),
        response: { 200: Rule, ...problems },
      },
    },
    async request =>
      showRule(await findTwoPerson(rowsOf(deps.db, request), ownTenantId(principalOf(request), request.params.id))),
  )
  registerOperation(
    app,
    deps,
    {
      route: `PUT ${path}`,
      status: 200,
      tenantOf: ({ actor, params }) => ownTenantId(actor, params['id']!),
      present: async (db, { actor, params }) => showRule(await findTwoPerson(db, ownTenantId(actor, params['id']!))),
      work: async (trx, { actor, params, body, nowMs }) => {
        const change = { actor, tenantId: ownTenantId(actor, params['id']!), nowMs }
        return { classes: await setTwoPersonRule(trx, change, (body as Static<typeof Rule>).classes) }
      },
    },
    { tags, summary: 'Say which changes of this tenant need two people', params: IdParams('tenant'), body: Rule, answer: Rule },
  )
}

/** Another tenant's rule is nobody's business, a platform-admin's neither. */
function ownTenantId(actor: Principal, named: string): string {
  const id = uuidOf('tenant', named)
  if (actor.tenantId !== id) throw new BrokerError('not_found')
  return id
}

function showRule(classes: readonly string[] | undefined): Static<typeof Rule> {
  if (!classes) throw new BrokerError('not_found')
  return { classes: [...classes] as Static<typeof Rule>['classes'] }
}
