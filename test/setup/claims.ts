// Accounts that wait to be claimed, at a running broker.

import { createClaimDeps } from '#apps/broker/console.ts'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import type { ClaimableBy } from '#core/claim/claimable-by.ts'
import { makeClaimCode } from '#core/claim/make-claim-code.ts'
import { parseId } from '#core/ids/id.ts'
import { changeRegistration } from './change-registration.ts'
import type { RunningBroker } from './running-broker.ts'

export interface OpenedAccount {
  /** `acct_…` */
  readonly id: string
  readonly uuid: string
  readonly taskId: string
  /** Of the claim link. */
  readonly secret: string
  readonly token: string
}

export const claimDepsOf = (running: RunningBroker): ClaimDeps => createClaimDeps(running.broker.deps)

/** Opens an account for a new task of the pop agent. */
export async function openAccount(
  running: RunningBroker,
  taskId: string,
  form: Record<string, string> = {},
): Promise<OpenedAccount> {
  const answer = await running.token(running.form({ task_id: taskId, ...form }), running.certificate)
  if (answer.status !== 200) throw new Error(`no account: ${answer.status} ${answer.text}`)
  const { account_id: id, claim_uri: uri, access_token: token } = answer.body
  return { id, uuid: parseId('account', id)!, taskId, secret: new URL(uri).hash.slice(1), token }
}

/** The code that the agent shows, as `POST /account/claim-code` makes it. */
export async function showCode(running: RunningBroker, account: OpenedAccount): Promise<string> {
  const tenantId = parseId('tenant', running.ids.tenant)!
  const agentId = parseId('agent', running.ids.agent)!
  const { code } = await makeClaimCode(claimDepsOf(running), { id: account.uuid, tenantId, agentId }, Date.now())
  return code
}

/** Says who may claim the accounts of the pop agent; undefined: nobody. */
export async function setClaimableBy(running: RunningBroker, claimable_by: ClaimableBy | undefined): Promise<void> {
  const answer = await changeRegistration(
    running,
    `/v1/agents/${running.ids.agent}`,
    ({ settings: { claimable_by: _, ...rest } }) => ({
      settings: { ...rest, ...(claimable_by && { claimable_by }) },
    }),
  )
  if (answer.status !== 200) throw new Error(`not changed: ${answer.status} ${answer.text}`)
}
