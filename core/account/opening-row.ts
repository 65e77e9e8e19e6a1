import { hashSecret } from '#core/ids/secret.ts'
import type { Opening } from '#db/log/append.ts'
import type { Account } from './account.ts'

/** What the commit writes of a new account. claimSecret: undefined where nobody can claim it. */
export const openingRowOf = (account: Account, claimSecret: string | undefined): Opening => ({
  id: account.id,
  tenant: account.tenantId,
  agent: account.agentId,
  task_key: account.taskKey,
  task_id: account.taskId,
  opener: account.opener,
  deadline: account.deadlineSeconds,
  ceiling: account.ceilingId,
  claim_hash: claimSecret === undefined ? null : hashSecret(claimSecret).toString('hex'),
  opening_key: account.openingKey,
})
