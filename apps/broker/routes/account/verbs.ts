// The verbs of an agent's own account: look at it, say that the task is done, ask for more time. Each change is one transition
// that the commit judges; what the caller's token says was true a moment ago.

import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { AccountStore } from '#core/account/account-store.ts'
import { type ChangeDeps, changeAccounts } from '#core/account/change-accounts.ts'
import { latestDeadline } from '#core/account/extension.ts'
import { stateNames } from '#core/account/transitions.ts'
import { maxDepthOf } from '#core/delegation/depth.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import type { AccountCaller } from '#core/issuer-token/authenticate-account.ts'
import type { Quotas } from '#core/quota/quotas.ts'
import type { Clock } from '#core/time/clock.ts'
import type { TransitionAnswer } from '#db/accounts/transition.ts'
import { closed, Id, problems, Time } from '../v1/schemas.ts'
import type { CallerOf } from './account-caller.ts'

export interface VerbDeps extends ChangeDeps {
  /** What this process remembers of accounts; others find out at the commit, or when the old end has come. */
  readonly accounts: Pick<AccountStore, 'forget'>
  readonly clock: Clock
  readonly quotas: Pick<Quotas, 'take'>
}

const AccountView = Type.Object(
  {
    id: Id('account'),
    state: Type.Enum([...Object.values(stateNames)]),
    agent: Id('agent'),
    task_id: Type.String(),
    opened_at: Time,
    expires_at: Type.Union([Time, Type.Null()], { description: 'null: it is claimed and has no deadline.' }),
    extendable_to: Type.Union([Time, Type.Null()], { description: 'The latest end that it may get.' }),
    parent: Type.Union([Id('account'), Type.Null()], { description: 'null: a root account.' }),
    root: Id('account'),
    depth: Type.Integer(),
    max_depth: Type.Integer(),
  },
  closed,
)

const ExtendBody = Type.Object(
  { ttl: Type.Integer({ minimum: 1, maximum: 90 * 86_400, description: 'Seconds from now until its new end.' }) },
  { ...closed, examples: [{ ttl: 1800 }] },
)

const tags = ['account']
const accountSecurity = [{ account: [] }]
const answers = { 200: AccountView, ...problems }
const common = { tags, security: accountSecurity }

/** prefix: empty, or `/t/:slug`. */
export function accountVerbs(app: FastifyInstance, prefix: string, callerOf: CallerOf, deps: VerbDeps): void {
  const schema = { ...common, summary: 'The account that calls', response: answers }
  app.get(`${prefix}/account`, { schema }, async (request, reply) => reply.send(toView(callerOf(request))))

  app.post(
    `${prefix}/account/complete`,
    { schema: { ...common, summary: 'End the account: its task is done', response: answers } },
    async (request, reply) => {
      const caller = callerOf(request)
      refuseClaimed(caller)
      const [answer] = await changeAccounts(deps, [changeOf(caller, 'complete')], deps.clock.nowMs())
      return reply.send(toView(caller, afterChange(answer!)))
    },
  )

  app.post<{ Body: Static<typeof ExtendBody> }>(
    `${prefix}/account/extend`,
    { schema: { ...common, summary: 'Move the end of the account', body: ExtendBody, response: answers } },
    async (request, reply) => {
      const caller = callerOf(request)
      const nowMs = deps.clock.nowMs()
      const deadlineSeconds = checkExtension(caller, Math.floor(nowMs / 1000) + request.body.ttl)
      if (deadlineSeconds <= caller.account.deadlineSeconds) return reply.send(toView(caller))
      // Second by second it can be asked for without end, and each stands in the log: it costs the rates as much as a token.
      const { snapshot, agent, address } = caller
      await deps.quotas.take({ snapshot, agent, address, opens: false })
      const [answer] = await changeAccounts(deps, [{ ...changeOf(caller, 'extend'), deadlineSeconds }], nowMs)
      deps.accounts.forget(caller.account.taskKey)
      return reply.send(toView(caller, afterChange(answer!)))
    },
  )
}

/** Whoever claimed the account decides on its end, also where its agent was let back in. */
export function refuseClaimed({ account }: AccountCaller): void {
  if (account.state !== 'a')
    throw new BrokerError('access_denied', { hint: 'The account is claimed; its owner decides on its end.' })
}

function checkExtension(caller: AccountCaller, wanted: number): number {
  const { agent } = caller
  refuseClaimed(caller)
  const latest = latestOf(caller)
  if (wanted <= latest) return wanted
  const until = new Date(latest * 1000).toISOString()
  throw new BrokerError('access_denied', {
    hint: `The registration of ${agent.clientId}, and the accounts above this one, let it live until ${until} at most.`,
    detail: 'beyond_longest_life',
  })
}

function latestOf({ account, agent, lineage, ancestorsUntilSeconds }: AccountCaller): number {
  const { openedSeconds } = account
  const endsBySeconds = lineage?.quota?.['ends_by']
  return latestDeadline({ settings: agent.settings, openedSeconds, ancestorsUntilSeconds, endsBySeconds })
}

function changeOf({ account, token }: AccountCaller, transition: 'complete' | 'extend') {
  const { id, tenantId, agentId, generation } = account
  return { accountId: id, tenantId, agentId, transition, generation, facts: { by: 'agent', token: token.tokenId } } as const
}

/** The race was lost to another change: what the caller decided on no longer holds. */
function afterChange(answer: TransitionAnswer): TransitionAnswer {
  if (answer.outcome === 'done') return answer
  throw new BrokerError('conflict', {
    hint: 'The account was changed by somebody else at the same time.',
    detail: answer.outcome,
  })
}

const timeOf = (seconds: number): string | null => (Number.isFinite(seconds) ? new Date(seconds * 1000).toISOString() : null)

function toView(caller: AccountCaller, changed?: TransitionAnswer): Static<typeof AccountView> {
  const { account, agent, lineage } = caller
  const id = (uuid: string): string => formatId('account', uuid)
  return {
    id: id(account.id),
    state: stateNames[changed?.state ?? account.state],
    agent: agent.clientId,
    task_id: account.taskId,
    opened_at: timeOf(account.openedSeconds)!,
    expires_at: timeOf(changed?.deadlineSeconds ?? account.deadlineSeconds),
    extendable_to: account.state === 'a' ? timeOf(latestOf(caller)) : null,
    parent: lineage ? id(lineage.parentId) : null,
    root: id(lineage?.rootId ?? account.id),
    depth: lineage?.depth ?? 0,
    max_depth: lineage?.maxDepth ?? maxDepthOf(agent.settings),
  }
}
