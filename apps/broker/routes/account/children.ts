// The accounts below the one that calls: see them, end one. Ending an account ends its subtree at the same commit.

import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { type ChangeDeps, changeAccounts } from '#core/account/change-accounts.ts'
import { stateNames } from '#core/account/transitions.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, parseId } from '#core/ids/id.ts'
import type { Clock } from '#core/time/clock.ts'
import { type ChildRow, findDescendant, listChildren } from '#db/accounts/children.ts'
import type { Db } from '#db/connect.ts'
import type { Cursors } from '../../http/cursor.ts'
import { answerPage } from '../v1/answer-page.ts'
import { closed, Id, PageOf, PageQuery, problems, Time } from '../v1/schemas.ts'
import type { CallerOf } from './account-caller.ts'

export interface ChildrenDeps extends ChangeDeps {
  readonly clock: Clock
  readonly dbOf: (tenantId: string) => Db
  readonly cursors: Cursors
}

const ChildView = Type.Object(
  {
    id: Id('account'),
    agent: Id('agent'),
    task_id: Type.String(),
    state: Type.Enum([...Object.values(stateNames)], {
      description: 'As it was ended itself; it also ends with what it descends from.',
    }),
    opened_at: Time,
    expires_at: Time,
    depth: Type.Integer(),
    max_depth: Type.Integer(),
  },
  closed,
)

const common = { tags: ['account'], security: [{ account: [] }] }
const listSchema = {
  ...common,
  summary: 'The accounts that sub-agents were given',
  querystring: PageQuery,
  response: { 200: PageOf(ChildView), ...problems },
}
const revokeSchema = {
  ...common,
  summary: 'End an account below this one, and all below it',
  response: { 200: ChildView, ...problems },
}

/** prefix: empty, or `/t/:slug`. */
export function childrenRoutes(app: FastifyInstance, prefix: string, callerOf: CallerOf, deps: ChildrenDeps): void {
  app.get<{ Querystring: Static<typeof PageQuery> }>(
    `${prefix}/account/children`,
    { schema: listSchema },
    async (request, reply) => {
      const { id, tenantId } = callerOf(request).account
      const read = (page: Parameters<typeof listChildren>[2]) => listChildren(deps.dbOf(tenantId), id, page)
      return reply.send(await answerPage(deps.cursors, `children ${id}`, request.query, read, row => toView(row)))
    },
  )

  app.post<{ Params: { id: string } }>(
    `${prefix}/account/children/:id/revoke`,
    { schema: revokeSchema },
    async (request, reply) => {
      const { account, token } = callerOf(request)
      const childId = parseId('account', request.params.id)
      const child = childId === undefined ? undefined : await findDescendant(deps.dbOf(account.tenantId), account.id, childId)
      // What is not below the caller is not told apart from what does not exist.
      if (!child) throw new BrokerError('not_found', { hint: 'No account with this id is below this one.' })
      const facts = { by: 'ancestor', ancestor: account.id, token: token.tokenId } as const
      const { id: accountId, agentId } = child
      const change = { accountId, agentId, tenantId: account.tenantId, transition: 'revoke', generation: null, facts } as const
      const [answer] = await changeAccounts(deps, [change], deps.clock.nowMs())
      // Over already is what was wanted.
      return reply.send(toView(child, answer!.state ?? child.state))
    },
  )
}

function toView(row: ChildRow, state: ChildRow['state'] = row.state): Static<typeof ChildView> {
  return {
    id: formatId('account', row.id),
    agent: formatId('agent', row.agentId),
    task_id: row.taskId,
    state: stateNames[state],
    opened_at: new Date(row.openedSeconds * 1000).toISOString(),
    expires_at: new Date(row.deadlineSeconds * 1000).toISOString(),
    depth: row.depth,
    max_depth: row.maxDepth,
  }
}
