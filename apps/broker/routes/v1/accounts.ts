// Temporary accounts, as orchestrators, admins and auditors see them.

import { type Static, Type } from 'typebox'
import { taskKey } from '#core/account/account.ts'
import { stateNames } from '#core/account/transitions.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import { findAccountView, findTombstone, listAccounts, readSubtree } from '#db/accounts/account-views.ts'
import type { AccountState } from '#db/accounts/read-accounts.ts'
import { findHoldsOver } from '#db/erasure/holds.ts'
import { tenantOf } from '../../http/access.ts'
import { accountTags, getAccount, showAccount } from './account-reads.ts'
import { AccountView, ReapedView, toReapedView } from './account-view.ts'
import { accountChangeRoutes } from './accounts-change.ts'
import { openAccountRoute } from './accounts-open.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { toLegalHoldView } from './legal-holds.ts'
import { closed, Id, IdParams, PageOf, PageQuery, problems } from './schemas.ts'

/** More would be no page for anybody; the log has them all. */
const largestTree = 5_000

const ListQuery = Type.Object(
  {
    ...PageQuery.properties,
    state: Type.Optional(Type.Enum([...Object.values(stateNames)])),
    agent: Type.Optional(Id('agent')),
    task_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  },
  closed,
)

export function temporaryAccountRoutes(app: V1App, deps: V1Deps): void {
  openAccountRoute(app, deps)
  listRoute(app, deps)
  getRoute(app, deps)
  treeRoute(app, deps)
  accountChangeRoutes(app, deps)
}

const stateOf = (name: string | undefined): AccountState | undefined =>
  Object.entries(stateNames).find(([, known]) => known === name)?.[0] as AccountState | undefined

function filterOf(query: Static<typeof ListQuery>): Parameters<typeof listAccounts>[2] {
  const agentId = query.agent === undefined ? undefined : parseId('agent', query.agent)
  const { task_id: taskId } = query
  const both = agentId !== undefined && taskId !== undefined
  return { state: stateOf(query.state), agentId, taskId, taskKey: both ? taskKey(agentId, taskId) : undefined }
}

function listRoute(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/accounts',
    {
      schema: {
        ...accountTags,
        summary: 'List accounts, newest first',
        querystring: ListQuery,
        response: { 200: PageOf(AccountView), ...problems },
      },
    },
    async (request, reply) => {
      const { query } = request
      const tenantId = tenantOf(request)
      const list = `/v1/accounts ${tenantId} ${JSON.stringify([query.state, query.agent, query.task_id])}`
      const read = async ({ afterId: beforeId, limit }: { afterId: string | undefined; limit: number }) => {
        const rows = await listAccounts(deps.accounts.dbOf(tenantId), tenantId, filterOf(query), { beforeId, limit })
        return Promise.all(rows.map(async row => ({ id: row.id, view: await showAccount(deps, row) })))
      }
      return reply.send(await answerPage(deps.cursors, list, query, read, ({ view }) => view))
    },
  )
}

function getRoute(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/accounts/:id',
    {
      schema: {
        ...accountTags,
        summary: 'Get one account, or what is left of it',
        params: IdParams('account'),
        response: { 200: Type.Union([AccountView, ReapedView]), ...problems },
      },
    },
    async (request, reply) => {
      const [tenantId, id] = [tenantOf(request), uuidOf('account', request.params.id)]
      const db = deps.accounts.dbOf(tenantId)
      const row = await findAccountView(db, tenantId, id)
      const holds = await findHoldsOver(db, { accountId: id, agentId: row?.agentId ?? null })
      const held = holds.length > 0 && { legal_holds: holds.map(toLegalHoldView) }
      if (row) return reply.send({ ...(await showAccount(deps, row)), ...held })
      const tombstone = await findTombstone(db, tenantId, id)
      if (!tombstone) throw new BrokerError('not_found')
      return reply.send({ ...toReapedView(tombstone), ...held })
    },
  )
}

function treeRoute(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/accounts/:id/tree',
    {
      schema: {
        ...accountTags,
        summary: 'An account and all below it, parents first',
        params: IdParams('account'),
        response: {
          200: Type.Object(
            {
              items: Type.Array(AccountView),
              truncated: Type.Boolean({ description: `Whether there are more than ${largestTree} below it.` }),
            },
            closed,
          ),
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const [tenantId, id] = [tenantOf(request), uuidOf('account', request.params.id)]
      const top = await getAccount(deps, tenantId, id)
      const rows = await readSubtree(deps.accounts.dbOf(tenantId), tenantId, top, largestTree + 1)
      const items = await Promise.all(rows.slice(0, largestTree + 1).map(row => showAccount(deps, row)))
      return reply.send({ items, truncated: rows.length > largestTree + 1 })
    },
  )
}
