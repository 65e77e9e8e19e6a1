// What operators do with an account: more time, done, ended, closed. Each is one transition that the commit judges. Asking again for
// what is so already changes nothing and is no failure: the answer to the first request may have been lost.

import { Type } from 'typebox'
import { changeAccounts, type ProposedChange } from '#core/account/change-accounts.ts'
import { latestDeadline } from '#core/account/extension.ts'
import { stateNames, type Transition } from '#core/account/transitions.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { AccountView as Row } from '#db/accounts/account-views.ts'
import { ownTenant, principalOf } from '../../http/access.ts'
import { accountTags, getAccount, showAccount } from './account-reads.ts'
import { AccountView } from './account-view.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, IdempotencyHeader, IdParams, problems } from './schemas.ts'

const verbs = [
  { verb: 'complete', to: 'm', summary: 'Say that its task is done' },
  { verb: 'revoke', to: 'r', summary: 'End an account at once, with all below it' },
  { verb: 'close', to: 'x', summary: 'Close a claimed account' },
] as const

const ExtendBody = Type.Object(
  { ttl: Type.Integer({ minimum: 1, maximum: 90 * 86_400, description: 'Seconds from now until its new end.' }) },
  { ...closed, examples: [{ ttl: 1800 }] },
)

export function accountChangeRoutes(app: V1App, deps: V1Deps): void {
  const base = { ...accountTags, params: IdParams('account'), response: { 200: AccountView, ...problems } }
  for (const { verb, to, summary } of verbs)
    app.post(`/v1/accounts/:id/${verb}`, { schema: { ...base, summary, headers: IdempotencyHeader } }, async (request, reply) => {
      const target = await targetOf(deps, principalOf(request), request.params.id)
      const row = target.row.state === to ? target.row : await change(deps, target, { transition: verb })
      return reply.send(await showAccount(deps, row))
    })
  app.post(
    '/v1/accounts/:id/extend',
    { schema: { ...base, summary: 'Move the end of an account', headers: IdempotencyHeader, body: ExtendBody } },
    async (request, reply) => {
      const target = await targetOf(deps, principalOf(request), request.params.id)
      const deadlineSeconds = await checkExtension(deps, target.row, request.body.ttl, target.tenantId)
      const isShorter = target.row.deadline !== null && deadlineSeconds * 1000 <= target.row.deadline.getTime()
      const row = isShorter ? target.row : await change(deps, target, { transition: 'extend', deadlineSeconds })
      return reply.send(await showAccount(deps, row))
    },
  )
}

interface Target {
  readonly actor: Principal
  readonly tenantId: string
  readonly row: Row
}

async function targetOf(deps: V1Deps, actor: Principal, id: string): Promise<Target> {
  const tenantId = ownTenant(actor)
  return { actor, tenantId, row: await getAccount(deps, tenantId, uuidOf('account', id)) }
}

/** Throws `validation_failed` beyond what the agent's registration, or an ancestor, allows; `conflict` for what is not active. */
async function checkExtension(deps: V1Deps, row: Row, ttl: number, tenantId: string): Promise<number> {
  if (row.state !== 'a') throw conflict(row)
  const snapshot = await deps.accounts.snapshotOf(tenantId)
  const agent = snapshot.agents.get(row.agentId)
  if (!agent) throw new BrokerError('conflict', { hint: 'Its agent is no longer registered.' })
  const ancestorsUntilSeconds = row.ancestorsUntil ? row.ancestorsUntil.getTime() / 1000 : Number.POSITIVE_INFINITY
  const { openedSeconds, endsBySeconds } = row
  const latest = latestDeadline({ settings: agent.settings, openedSeconds, ancestorsUntilSeconds, endsBySeconds })
  const wanted = Math.floor(deps.clock.nowMs() / 1000) + ttl
  const until = new Date(latest * 1000).toISOString()
  const detail = `Its agent's registration, and the accounts above it, let it live until ${until} at most.`
  refuseProblems(wanted > latest ? [{ pointer: '/ttl', detail }] : [])
  return wanted
}

async function change(
  deps: V1Deps,
  { actor, tenantId, row }: Target,
  wanted: { readonly transition: Transition; readonly deadlineSeconds?: number },
): Promise<Row> {
  const proposal: ProposedChange = {
    ...wanted,
    ...{ accountId: row.id, tenantId, agentId: row.agentId, generation: null },
    facts: { ...actorFacts(actor), by: 'operator' },
  }
  const [answer] = await changeAccounts(deps.accounts, [proposal], deps.clock.nowMs())
  if (answer!.outcome === 'not_found') throw new BrokerError('not_found')
  const now = await getAccount(deps, tenantId, row.id)
  if (answer!.outcome !== 'done') throw conflict(now)
  return now
}

function conflict(row: Row): BrokerError {
  const why = row.state === 'a' && !row.live ? 'an account above it has ended' : `it is ${stateNames[row.state]}`
  return new BrokerError('conflict', { hint: `That cannot be done with this account: ${why}.` })
}
