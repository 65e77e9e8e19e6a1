// An agent gives its account up: the task did not come to its end. It is over like a completed one; the log says which.

import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { changeAccounts } from '#core/account/change-accounts.ts'
import { stateNames } from '#core/account/transitions.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { closed, Id, problems } from '../v1/schemas.ts'
import type { CallerOf } from './account-caller.ts'
import { refuseClaimed, type VerbDeps } from './verbs.ts'

const Revoked = Type.Object({ id: Id('account'), state: Type.Enum([...Object.values(stateNames)]) }, closed)

const schema = {
  tags: ['account'],
  security: [{ account: [] }],
  summary: 'End the account: its task went wrong',
  response: { 200: Revoked, ...problems },
}

/** prefix: empty, or `/t/:slug`. */
export function revokeRoute(app: FastifyInstance, prefix: string, callerOf: CallerOf, deps: VerbDeps): void {
  app.post(`${prefix}/account/revoke`, { schema }, async (request, reply): Promise<Static<typeof Revoked>> => {
    const caller = callerOf(request)
    refuseClaimed(caller)
    const { account, token } = caller
    const { id: accountId, tenantId, agentId, generation } = account
    const facts = { by: 'agent', token: token.tokenId } as const
    const change = { accountId, tenantId, agentId, transition: 'revoke', generation, facts } as const
    const [answer] = await changeAccounts(deps, [change], deps.clock.nowMs())
    if (answer!.outcome !== 'done')
      throw new BrokerError('conflict', { hint: 'The account was changed by somebody else at the same time.' })
    return reply.send({ id: formatId('account', accountId), state: stateNames[answer!.state ?? 'r'] })
  })
}
