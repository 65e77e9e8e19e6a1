// What an account's change means for what is attached to it. Called by the outbox at least once for each change, in any order, so it
// looks at how the account stands now, never at what the row says of it.

import { type AccountNow, readAccountNow } from '#db/connector/account-now.ts'
import { type AttachmentRow, changeAttachment, lockAttachmentsOf, markForExtension } from '#db/connector/attachments.ts'
import { readConnector } from '#db/connector/connectors.ts'
import type { AttachDeps } from './attach.ts'
import { endings } from './receipt.ts'
import { configOf } from './registration.ts'

export interface AccountTransition {
  readonly tenantId: string
  readonly accountId: string
  readonly transition: string
}

export async function followAccount(deps: AttachDeps, change: AccountTransition): Promise<void> {
  if (endings.has(change.transition)) return endAttachments(deps, change)
  // Told outside by whoever is lent it: a server that hangs must not hold up other accounts' ends.
  if (change.transition === 'extend') return markForExtension(deps.dbOf(change.tenantId), change.tenantId, change.accountId)
  if (['claim', 'suspend', 'narrow'].includes(change.transition)) return lockAttachments(deps, change)
}

/** Rows that are under somebody's lease are marked; whoever holds it, or takes them over from it, does the rest. */
async function endAttachments(deps: AttachDeps, { tenantId, accountId, transition }: AccountTransition): Promise<void> {
  await deps
    .dbOf(tenantId)
    .transaction()
    .execute(async trx => {
      for (const row of await lockAttachmentsOf(trx, tenantId, accountId)) await endAttachment(trx, row, transition)
    })
}

/** The row must be locked. ended_by: why, in a word of ours. False: it is over or ending already. */
export async function endAttachment(
  trx: Parameters<typeof changeAttachment>[0],
  row: AttachmentRow,
  ended_by: string,
): Promise<boolean> {
  if (row.state === 'gone' || row.state === 'kept' || row.state === 'ending') return false
  const isLeased = row.state === 'making' || row.state === 'renewing'
  if (isLeased) await changeAttachment(trx, row.id, { state: row.state, ended_by })
  else await changeAttachment(trx, row.id, { state: 'ending', dueSeconds: 0, attempts: 0, parked: false, ended_by })
  return true
}

/** All access ends; what the account may not have any more goes altogether. Who may use it then asks for access anew. */
async function lockAttachments(deps: AttachDeps, { tenantId, accountId, transition }: AccountTransition): Promise<void> {
  const account = await readAccountNow(deps.dbOf(tenantId), tenantId, accountId)
  if (!account) return
  const permitted = await permittedBy(deps, tenantId, account)
  await deps
    .dbOf(tenantId)
    .transaction()
    .execute(async trx => {
      for (const row of await lockAttachmentsOf(trx, tenantId, accountId)) {
        if (!(await permitted(row))) await endAttachment(trx, row, transition)
        // One of this generation was given out behind the change.
        else if (row.state === 'active' && row.generation < account.generation)
          await changeAttachment(trx, row.id, { state: 'locking', dueSeconds: 0, attempts: 0 })
      }
    })
}

async function permittedBy(
  deps: AttachDeps,
  tenantId: string,
  account: AccountNow,
): Promise<(row: AttachmentRow) => Promise<boolean>> {
  const { scopes } = await deps.ceilings.get(account.ceilingId)
  return async row => {
    const connector = await readConnector(deps.dbOf(tenantId), row.connector_id, tenantId)
    return connector !== undefined && scopes.includes(configOf(connector).scope)
  }
}
