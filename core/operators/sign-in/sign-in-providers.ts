import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import {
  deleteSignInProvider,
  insertSignInProvider,
  type SignInProviderRow,
  updateSignInProvider,
} from '#db/operators/sign-in-providers.ts'
import { deleteHeld } from '#db/registry/credentials.ts'
import { isAudienceUsed } from '#db/registry/issuer-audience.ts'
import { actorFacts, type Principal } from '../principal.ts'
import { withdrawProposals } from '../two-person/withdraw.ts'
import { type SignInProviderInput, validateSignInProvider } from './provider.ts'

const nameTaken = 'A sign-in provider has this name already.'

export interface SignInProviderChange {
  readonly actor: Principal
  /** uuid; null: the deployment's own providers. */
  readonly tenantId: string | null
  readonly baseUrl: string
  readonly nowMs: number
}

/** Throws ValidationError, and `conflict` when the name is taken. */
export async function registerSignInProvider(
  trx: Trx,
  change: SignInProviderChange,
  input: SignInProviderInput,
): Promise<SignInProviderRow> {
  if (change.tenantId !== null) await holdTenant(trx, change.tenantId)
  const values = validateSignInProvider(input, change)
  await refuseWorkloadsTokens(trx, input)
  const row = await explainConflict(insertSignInProvider(trx, newUuid(change.nowMs), change.tenantId, values), nameTaken)
  await record(trx, change, 'sign_in_provider.created', row.id, {})
  return row
}

/** Ends every session that was opened through it: under other rules its people may be others. Throws as above, and `not_found`. */
export async function replaceSignInProvider(
  trx: Trx,
  change: SignInProviderChange,
  id: string,
  input: SignInProviderInput,
): Promise<SignInProviderRow> {
  if (change.tenantId !== null) await holdTenant(trx, change.tenantId)
  const values = validateSignInProvider(input, change)
  await refuseWorkloadsTokens(trx, input)
  const row = await explainConflict(updateSignInProvider(trx, id, change.tenantId, values), nameTaken)
  if (!row) throw new BrokerError('not_found')
  // Behind the update, which waits for whoever opens a session under the provider as it was.
  const ended = await deleteHeld(trx, { providerId: id })
  const ids = ended.map(held => held.id)
  await withdrawProposals(trx, change.actor, ids, change.nowMs)
  await record(trx, change, 'sign_in_provider.changed', id, { sessions_ended: ended.length })
  return row
}

/** Its sessions end with it, and what they had proposed. Throws `not_found`. */
export async function removeSignInProvider(trx: Trx, change: SignInProviderChange, id: string): Promise<void> {
  if (change.tenantId !== null) await holdTenant(trx, change.tenantId)
  const ended = await deleteHeld(trx, { providerId: id })
  if (!(await deleteSignInProvider(trx, id, change.tenantId))) throw new BrokerError('not_found')
  const ids = ended.map(held => held.id)
  await withdrawProposals(trx, change.actor, ids, change.nowMs)
  await record(trx, change, 'sign_in_provider.deleted', id, {})
}

/** A workload's token must not let a person in: no tokens are taken for both. */
async function refuseWorkloadsTokens(trx: Trx, input: SignInProviderInput): Promise<void> {
  const { issuer, client_id, console_client_id, audience = client_id } = input
  const audiences = console_client_id === undefined ? [audience] : [audience, console_client_id].sort()
  let used = false
  for (const one of audiences) used = (await isAudienceUsed(trx, 'trust_source', issuer, one)) || used
  if (!used) return
  throw new BrokerError('conflict', {
    hint: 'Workloads come with tokens of this issuer for this audience. Register a client of its own for people.',
  })
}

type EventType = 'sign_in_provider.created' | 'sign_in_provider.changed' | 'sign_in_provider.deleted'

function record(
  trx: Trx,
  change: SignInProviderChange,
  type: EventType,
  id: string,
  more: Readonly<Record<string, unknown>>,
): Promise<void> {
  const facts = { ...actorFacts(change.actor), provider: formatId('signInProvider', id), ...more }
  return recordEvent(trx, { type, tenantId: change.tenantId, facts }, change.nowMs)
}
