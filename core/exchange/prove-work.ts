// Work that a stranger has done to be let in: for this very request, with this very key, once.

import { agentForStrangers } from '#core/anonymous/stranger.ts'
import { isSolved, workBinding } from '#core/anonymous/work.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { KeyRequest } from './presented-keys.ts'
import { groupOf } from './rejections.ts'

/** Throws BrokerError `work_refused` for work that is not good, however little is wrong with it. key: that the token will be bound to. */
export async function proveWork(deps: ExchangeDeps, input: KeyRequest, key: BoundKey | undefined): Promise<boolean> {
  const { snapshot, request, address } = input
  const { work, taskId, targets, scope, authorizationDetails } = request
  if (!work) return false
  const tenantId = snapshot.tenant.id
  const refuse = (reason: string, hint: string): BrokerError => {
    deps.rejections.count(tenantId, address, reason)
    return new BrokerError('work_refused', { hint, detail: reason })
  }
  if (!agentForStrangers(snapshot)) throw refuse('no_strangers', 'Nobody is let in by work here.')
  if (!key) throw refuse('no_key', 'Prove a key too: by a DPoP proof, or a client certificate on the mTLS port.')
  const { challenge, solution } = work
  const given = deps.workChallenges.read(tenantId, groupOf(address), challenge, deps.clock.nowMs())
  if (!given) throw refuse('unknown_challenge', 'The challenge has ended, or was given to another address. Ask for a new one.')
  const [resource] = targets
  const binding = workBinding({ keyThumbprint: key.thumbprint, taskId, resource, scope, authorizationDetails })
  if (!isSolved(challenge, binding, solution, given.bits))
    throw refuse('not_solved', 'The solution does not fit the challenge, the key and the request.')
  if (!(await deps.firstUses.consume(tenantId, 'anonymous_work', [challenge], given.untilSeconds)))
    throw refuse('work_used', 'This challenge was used before. Ask for a new one.')
  return true
}
