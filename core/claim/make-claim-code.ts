import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { keepClaimCode } from '#db/claim/claim-codes.ts'
import { codeAttempts, codeTtlSeconds, newClaimCode } from './claim-code.ts'
import type { ClaimDeps } from './claim-deps.ts'

/** What the agent shows to whoever is to claim. */
export interface ShownCode {
  readonly code: string
  /** Seconds. */
  readonly expiresIn: number
}

/**
 * A new code for an account, in place of an earlier one. The caller has proven that it is the account's holder. nowMs: the
 * database's clock. Throws `conflict` for an account that cannot be claimed: it has ended, is a child, or its claim was refused.
 */
export async function makeClaimCode(
  { dbOf, codeMac }: Pick<ClaimDeps, 'dbOf' | 'codeMac'>,
  account: { readonly id: string; readonly tenantId: string; readonly agentId: string },
  nowMs: number,
): Promise<ShownCode> {
  const { id: accountId, tenantId, agentId } = account
  const code = newClaimCode()
  const { leaf, body } = prepareEvent({ type: 'account.claim_code_made', tenantId, agentId, accountId, facts: {} }, nowMs)
  const mac = codeMac(accountId, code)
  const kept = { accountId, tenantId, mac, attempts: codeAttempts, ttlSeconds: codeTtlSeconds, leaf, body }
  const seconds = await keepClaimCode(dbOf(tenantId), kept)
  if (seconds === undefined)
    throw new BrokerError('conflict', {
      hint: 'This account cannot be claimed: it has ended, is a child, or its claim was refused.',
    })
  return { code, expiresIn: Math.floor(seconds) }
}
