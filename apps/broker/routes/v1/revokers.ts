// What can be revoked, each by the member of the body that names it. A row looks at what was named, before anything changes, and says
// how it is revoked: by work in a transaction, or by the transition of an account.

import { Type } from 'typebox'
import { taskKey } from '#core/account/account.ts'
import { changeAccounts } from '#core/account/change-accounts.ts'
import { stateNames } from '#core/account/transitions.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, parseId } from '#core/ids/id.ts'
import { OwnTokens, taskTokenTypes } from '#core/introspection/own-tokens.ts'
import { delegationTokenTyp } from '#core/issuer-token/issuer-token.ts'
import { createFreshKeys } from '#core/keys/rotation/rotate-by-command.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { signingKeyTimes } from '#core/keys/rotation/times.ts'
import { type RevocationTarget, revokedBy } from '#core/revocation/publish.ts'
import {
  type RevocationOrder,
  revokeAgent,
  revokeKey,
  revokeTenant,
  revokeToken,
  revokeTrustSource,
} from '#core/revocation/revoke.ts'
import { type AccountView, findAccountView, listAccounts } from '#db/accounts/account-views.ts'
import type { Trx } from '#db/connect.ts'
import { findKey } from '#db/keys/key-rows.ts'
import { uuidOf } from './collection.ts'
import type { V1Deps } from './deps.ts'
import type { RevocationBody } from './revocations.ts'
import { closed, Id } from './schemas.ts'

const TaskId = Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' })

export const TargetMembers = {
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 16_384, description: 'The token itself.' })),
  token_id: Type.Optional(Id('token', "A token's jti.")),
  account_id: Type.Optional(Id('account', 'With all below it.')),
  task: Type.Optional(
    Type.Object({ agent_id: Id('agent'), task_id: TaskId }, { ...closed, description: "An agent's account for a task." }),
  ),
  agent_id: Type.Optional(Id('agent', 'All its tokens, and its accounts.')),
  trust_source_id: Type.Optional(Id('trustSource', 'All tokens of the agents that come by its word, and their accounts.')),
  key_id: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,128}$', description: 'The kid of a signing key.' })),
  tenant: Type.Optional(Type.Literal(true, { description: 'Every token and every account.' })),
}
export const targetNames = Object.keys(TargetMembers) as readonly (keyof typeof TargetMembers)[]

export interface Revoker {
  readonly target: RevocationTarget
  /** In a transaction of the tenant. */
  readonly work?: (trx: Trx, order: RevocationOrder) => Promise<unknown>
  /** Commits by itself, under the order's id. */
  readonly change?: (order: RevocationOrder) => Promise<void>
}

type Find<Name extends keyof RevocationBody> = (
  tenantId: string,
  named: NonNullable<RevocationBody[Name]>,
  body: RevocationBody,
) => Promise<Revoker>
type Finders = { readonly [Name in (typeof targetNames)[number]]: Find<Name> }

/** Finds what a body names, and how it is revoked. Throws `validation_failed`, `not_found`, `conflict`. */
export function createRevokers(deps: V1Deps): (tenantId: string, body: RevocationBody) => Promise<Revoker> {
  const finders = { ...tokenFinders(deps), ...accountFinders(deps), ...widerFinders(deps), ...keyFinder(deps) } as Finders
  return (tenantId, body) => {
    const [name, ...others] = targetNames.filter(each => body[each] !== undefined)
    if (name === undefined || others.length > 0)
      refuseProblems([{ pointer: '', detail: `Name exactly one of ${targetNames.join(', ')}.` }])
    return finders[name!](tenantId, body[name!] as never, body)
  }
}

const ownTypes = new Set([...taskTokenTypes, delegationTokenTyp])

function tokenFinders(deps: V1Deps): Pick<Finders, 'token' | 'token_id'> {
  const ownTokens = new OwnTokens()
  const revokerOf = (token: Parameters<typeof revokeToken>[2]): Revoker => ({
    target: { kind: 'token', subject: token.tokenId },
    work: (trx, order) => revokeToken(trx, order, token),
  })
  return {
    async token(tenantId, text) {
      const snapshot = await deps.accounts.snapshotOf(tenantId)
      const jwt = await ownTokens.read(snapshot, text, ownTypes)
      const { iss, jti, exp, account_id, client_id } = jwt?.payload ?? {}
      const isOurs = iss === snapshot.tenant.issuer && typeof jti === 'string' && typeof exp === 'number'
      if (!isOurs) refuseProblems([{ pointer: '/token', detail: 'No key of this tenant signed this as a token.' }])
      const untilSeconds = exp as number
      if (untilSeconds * 1000 <= deps.clock.nowMs())
        throw new BrokerError('conflict', { hint: 'This token has ended by itself.' })
      const [accountId, agentId] = [parseId('account', String(account_id)), parseId('agent', String(client_id))]
      return revokerOf({ tokenId: jti as string, untilSeconds, accountId, agentId })
    },
    token_id: async (_, tokenId) => revokerOf({ tokenId }),
  }
}

function accountFinders(deps: V1Deps): Pick<Finders, 'account_id' | 'task'> {
  const { accounts } = deps
  const revokerOf = (tenantId: string, row: AccountView | undefined): Revoker => {
    if (!row) throw new BrokerError('not_found', { hint: 'There is no such account, or what is left of it has been collected.' })
    const target = { kind: 'account', subject: formatId('account', row.id) } as const
    return { target, change: order => revokeAccount(deps, tenantId, row, order, target) }
  }
  return {
    account_id: async (tenantId, id) =>
      revokerOf(tenantId, await findAccountView(accounts.dbOf(tenantId), tenantId, uuidOf('account', id))),
    async task(tenantId, { agent_id, task_id: taskId }) {
      const agentId = uuidOf('agent', agent_id)
      const filter = { agentId, taskId, taskKey: taskKey(agentId, taskId) }
      const [row] = await listAccounts(accounts.dbOf(tenantId), tenantId, filter, { beforeId: undefined, limit: 1 })
      return revokerOf(tenantId, row)
    },
  }
}

async function revokeAccount(
  { accounts }: V1Deps,
  tenantId: string,
  row: AccountView,
  order: RevocationOrder,
  target: RevocationTarget,
): Promise<void> {
  const { id: revocationId, facts, sealed, nowMs } = order
  const change = {
    ...{ accountId: row.id, tenantId, agentId: row.agentId, generation: null, transition: 'revoke' as const },
    facts: { ...facts, revocation: formatId('revocation', revocationId) },
    private: sealed,
    revocationId,
    by: revokedBy({ facts, target }),
  }
  const [answer] = await changeAccounts(accounts, [change], nowMs)
  if (answer!.outcome === 'done') return
  if (answer!.outcome === 'not_found' || answer!.state === null) throw new BrokerError('not_found')
  const state = answer!.state === 'a' ? 'expired' : stateNames[answer!.state]
  throw new BrokerError('conflict', { hint: `This account is ${state} already: its tokens are worth nothing.` })
}

function widerFinders(deps: V1Deps): Pick<Finders, 'agent_id' | 'trust_source_id' | 'tenant'> {
  return {
    async agent_id(_, id, { suspend = true }) {
      const agentId = uuidOf('agent', id)
      return { target: { kind: 'agent', subject: id }, work: (trx, order) => revokeAgent(trx, order, { agentId, suspend }) }
    },
    async trust_source_id(_, id, { suspend = true }) {
      const trustSourceId = uuidOf('trustSource', id)
      const work: Revoker['work'] = (trx, order) => revokeTrustSource(trx, order, { trustSourceId, suspend })
      return { target: { kind: 'trust_source', subject: id }, work }
    },
    async tenant(tenantId) {
      const target = { kind: 'tenant', subject: formatId('tenant', tenantId) } as const
      return { target, work: (trx, order) => revokeTenant(trx, order, deps.baseUrl) }
    },
  }
}

function keyFinder(deps: V1Deps): Pick<Finders, 'key_id'> {
  const uses = rotatingUses(deps.keyEncryption, { signing: signingKeyTimes(deps.signingKeyDays) })
  const use = uses.find(each => each.use === 'signing')!
  return {
    async key_id(tenantId, kid) {
      const key = await findKey(deps.db.forTenant(tenantId), use.table, tenantId, kid)
      if (!key)
        throw new BrokerError('not_found', {
          hint: 'This tenant has no such signing key. Of the built-in CA rotate all: keys rotate --use ca --now.',
        })
      // Slow, so before any transaction.
      const { alg } = key
      const made = key.state === 'active' ? await createFreshKeys({ tenantId, use, alg, nowMs: deps.clock.nowMs() }) : undefined
      const fresh = made?.get(alg)
      return { target: { kind: 'key', subject: kid }, work: (trx, order) => revokeKey(trx, order, { key, use, fresh }) }
    },
  }
}
