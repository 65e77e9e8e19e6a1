import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { closeOwned, getOwned, listOwned, readmitAgent, reviewOwned } from '#core/claim/own-accounts.ts'
import type { ConsoleDeps } from '../console/console-deps.ts'
import type { Visitors } from '../console/visitors.ts'
import { uuidOf } from '../v1/collection.ts'
import { closed, Id, Slug } from '../v1/schemas.ts'

const Params = Type.Object({ id: Id('account'), slug: Type.Optional(Slug) }, closed)
const Readmit = Type.Object({ readmit: Type.Boolean() }, closed)
const Review = Type.Object({ review_on: Type.String({ maxLength: 10 }) }, closed)

/** The accounts that somebody claimed. Every change answers with the account as it is then. */
export function ownedRoutes(plain: FastifyInstance, prefix: string, visitors: Visitors, deps: ConsoleDeps): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>()
  const { claims, clock } = deps
  const path = `${prefix}/console/api/accounts`
  const one = { hide: true, params: Params } as const
  app.get(path, { schema: { hide: true } }, async request => {
    return { accounts: await listOwned(claims, await visitors.get(request)) }
  })
  app.get(`${path}/:id`, { schema: one }, async request => {
    return getOwned(claims, await visitors.get(request), uuidOf('account', request.params.id))
  })
  app.post(`${path}/:id/close`, { schema: one }, async request => {
    const visitor = await visitors.get(request)
    const id = uuidOf('account', request.params.id)
    await closeOwned(claims, visitor.session, id, clock.nowMs())
    return getOwned(claims, visitor, id)
  })
  app.post(`${path}/:id/readmit`, { schema: { ...one, body: Readmit } }, async request => {
    const visitor = await visitors.get(request)
    const accountId = uuidOf('account', request.params.id)
    await readmitAgent(claims, visitor, { accountId, readmit: request.body.readmit }, clock.nowMs())
    return getOwned(claims, visitor, accountId)
  })
  app.post(`${path}/:id/review`, { schema: { ...one, body: Review } }, async request => {
    const visitor = await visitors.get(request)
    const accountId = uuidOf('account', request.params.id)
    await reviewOwned(claims, visitor.session, { accountId, reviewOn: request.body.review_on }, clock.nowMs())
    return getOwned(claims, visitor, accountId)
  })
}
