import { Type } from 'typebox'
import { suspendUnattended } from '#core/claim/suspend-claims.ts'
import { signOutPerson } from '#core/operators/sign-out-person.ts'
import { listPeople, type PersonRow } from '#db/operators/people.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { PersonView, showPerson } from './person-view.ts'
import { closed, IdParams, operatorSecurity, PageOf, PageQuery, problems, Time } from './schemas.ts'

const View = Type.Object(
  { ...PersonView.properties, email: Type.Optional(Type.String()), first_seen_at: Time, last_seen_at: Time },
  closed,
)
const Ended = Type.Object({ ended: Type.Integer({ description: 'Sessions and tokens that have ended.' }) }, closed)

const base = { tags: ['person'], security: operatorSecurity }

/** Whoever has signed in: of a tenant, or, for platform-admins, at the deployment's own providers. */
export function peopleRoutes(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/people',
    {
      schema: {
        ...base,
        summary: 'List people who have signed in',
        querystring: PageQuery,
        response: { 200: PageOf(View), ...problems },
      },
    },
    async request => {
      const { tenantId } = principalOf(request)
      const read = (page: Parameters<typeof listPeople>[2]) => listPeople(deps.db.forTenant(tenantId), tenantId, page)
      return await answerPage(deps.cursors, `/v1/people ${tenantId}`, request.query, read, toView)
    },
  )
  app.post(
    '/v1/people/:id/sign-out',
    {
      schema: {
        ...base,
        summary: 'End all sessions of a person and all tokens that it answers for',
        params: IdParams('person'),
        response: { 200: Ended, ...problems },
      },
    },
    async request => {
      const id = uuidOf('person', request.params.id)
      const nowMs = deps.clock.nowMs()
      const ended = await rowsOf(deps.db, request)
        .transaction()
        .execute(trx => signOutPerson(trx, principalOf(request), id, nowMs))
      // Behind the commit: the worker does it if this cannot.
      await suspendUnattended({ db: deps.db, transition: deps.accounts.transition }, nowMs).catch(error =>
        app.logger.warn({ request: request.id, err: error }, 'accounts of somebody who left are suspended later'),
      )
      return { ended }
    },
  )
}

const toView = (row: PersonRow) => ({
  ...showPerson(row),
  ...(row.email !== null && { email: row.email }),
  first_seen_at: row.created_at.toISOString(),
  last_seen_at: row.seen_at.toISOString(),
})
