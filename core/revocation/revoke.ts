// Revoking, each kind in one transaction: what changes, the entries of the feed, the event of the log, and the order to end the
// accounts behind it. All of it is committed at once or not at all. Accounts themselves are revoked by their own transition.

import type { Facts, SealedFacts } from '#core/audit/event.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import type { FreshKey, RotatingUse } from '#core/keys/rotation/rotating-use.ts'
import { replaceKeys, retireKeyNow } from '#core/keys/rotation/steps.ts'
import { issuerOf } from '#core/registry/issuer.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import { findKey, type KeyRow } from '#db/keys/key-rows.ts'
import { findSuspended, raiseConfigEpoch, readAgentsVouchedFor, setSuspended } from '#db/registry/suspensions.ts'
import { publishRevocations } from '#db/revocation/publish.ts'
import { insertSweep } from '#db/revocation/sweeps.ts'
import { publishAgentsWithAccounts, publishKeys, type RevocationHead, type RevocationTarget, revokedBy } from './publish.ts'

export interface RevocationOrder {
  /** uuid */
  readonly id: string
  /** uuid */
  readonly tenantId: string
  /** Who, in random ids and words of ours (`actorFacts`). */
  readonly facts: Facts
  /** Why, in somebody's own words, sealed. */
  readonly sealed?: SealedFacts | undefined
  /** The database's clock. */
  readonly nowMs: number
}

/** One token of the tenant, by its `jti`, whether or not anybody has seen it. */
export async function revokeToken(
  trx: Trx,
  order: RevocationOrder,
  token: {
    readonly tokenId: string
    /** Its end, as far as it is known; seconds since the epoch. */
    readonly untilSeconds?: number | undefined
    /** uuids, as far as they are known. */
    readonly accountId?: string | undefined
    readonly agentId?: string | undefined
  },
): Promise<void> {
  const { tokenId, accountId, agentId } = token
  const head = headOf(order, 'token', { kind: 'token', subject: tokenId })
  const { id, tenantId, cause } = head
  // Guards compare with their own clocks.
  const untilSeconds = token.untilSeconds === undefined ? undefined : token.untilSeconds + clockMarginSeconds
  await publishRevocations(trx, [
    { id, tenantId, kind: 'j', subject: tokenId, least: null, untilSeconds, cause, by: revokedBy(head) },
  ])
  await record(trx, order, 'token.revoked', {}, { tokenId, accountId, agentId })
}

const clockMarginSeconds = 10

/** All tokens of an agent up to now, and its accounts. suspend: it gets no new ones either. Throws `not_found`. */
export async function revokeAgent(
  trx: Trx,
  order: RevocationOrder,
  { agentId, suspend }: { readonly agentId: string; readonly suspend: boolean },
): Promise<void> {
  await holdTenant(trx, order.tenantId)
  await raiseOrSuspend(trx, order, 'mayfly.agent', agentId, suspend)
  const head = headOf(order, 'agent', { kind: 'agent', subject: formatId('agent', agentId) })
  await publishAgentsWithAccounts(trx, head, [agentId])
  await record(trx, order, 'agent.revoked', { suspended: suspend }, { agentId })
}

/**
 * All tokens of the agents that come by the word of a trust source, and their accounts, whoever vouched for these: a token does not say
 * on whose word it was given. suspend: nobody new comes by it either. Throws `not_found`. Returns the agents' uuids.
 */
export async function revokeTrustSource(
  trx: Trx,
  order: RevocationOrder,
  { trustSourceId, suspend }: { readonly trustSourceId: string; readonly suspend: boolean },
): Promise<readonly string[]> {
  await holdTenant(trx, order.tenantId)
  await raiseOrSuspend(trx, order, 'mayfly.trust_source', trustSourceId, suspend)
  const agents = await readAgentsVouchedFor(trx, order.tenantId, trustSourceId)
  const subject = formatId('trustSource', trustSourceId)
  await publishAgentsWithAccounts(trx, headOf(order, 'trust_source', { kind: 'trust_source', subject }), agents)
  await record(trx, order, 'trust_source.revoked', { trust_source: subject, suspended: suspend, agents: agents.length })
  return agents
}

/**
 * Whatever a key signed. One that signs now is replaced, with all of its algorithm; one that is only published is retired; of one that
 * is retired already verifiers are told. fresh: for the first case.
 */
export async function revokeKey(
  trx: Trx,
  order: RevocationOrder,
  { key, use, fresh }: { readonly key: KeyRow; readonly use: RotatingUse; readonly fresh: FreshKey | undefined },
): Promise<void> {
  const { tenantId, nowMs, facts } = order
  const change = { tenantId, alg: key.alg, nowMs, facts }
  await holdTenant(trx, tenantId)
  // Whoever revoked it a moment ago has replaced it: that one is good.
  const signs = fresh && (await findKey(trx, use.table, tenantId, key.kid))?.state === 'active'
  const replaced = signs ? await replaceKeys(trx, use, fresh, change) : []
  if (!signs) await retireKeyNow(trx, use, key.kid, change)
  const kids = [...new Set([key.kid, ...replaced])]
  await publishKeys(trx, headOf(order, 'key', { kind: 'key', subject: key.kid }), kids, nowMs)
  await record(trx, order, 'signing_key.revoked', { kid: key.kid, kids })
}

/** Every token of the tenant up to now, and every account. baseUrl: as the tenant's issuer is made of. */
export async function revokeTenant(trx: Trx, order: RevocationOrder, baseUrl: string): Promise<void> {
  const { tenantId } = order
  const { slug, is_first: isFirst } = await holdTenant(trx, tenantId)
  await raiseConfigEpoch(trx, tenantId)
  const head = headOf(order, 'tenant', { kind: 'tenant', subject: formatId('tenant', tenantId) })
  const { id, cause, facts } = head
  const subject = issuerOf(baseUrl, { slug, isFirst })
  await publishRevocations(trx, [{ id, tenantId, kind: 't', subject, least: null, cause, by: revokedBy(head) }])
  await insertSweep(trx, { id, tenantId, agents: null, facts })
  await record(trx, order, 'tenant.revoked', { tenant: formatId('tenant', tenantId) })
}

function headOf({ id, tenantId, facts }: RevocationOrder, cause: RevocationHead['cause'], target: RevocationTarget) {
  return { id, tenantId, cause, facts, target }
}

/** Either raises the config epoch, which tells the tokens of before from those after. */
async function raiseOrSuspend(
  trx: Trx,
  { tenantId }: RevocationOrder,
  table: 'mayfly.agent' | 'mayfly.trust_source',
  id: string,
  suspend: boolean,
): Promise<void> {
  if (!(await (suspend ? setSuspended(trx, table, id, true) : isThere(trx, table, id)))) throw new BrokerError('not_found')
  if (!suspend) await raiseConfigEpoch(trx, tenantId)
}

const isThere = async (trx: Trx, table: 'mayfly.agent' | 'mayfly.trust_source', id: string): Promise<boolean> =>
  (await findSuspended(trx, table, id)) !== undefined

function record(
  trx: Trx,
  { id, tenantId, facts, sealed, nowMs }: RevocationOrder,
  type: `${'token' | 'agent' | 'trust_source' | 'signing_key' | 'tenant'}.revoked`,
  more: Facts,
  about: {
    readonly tokenId?: string | undefined
    readonly accountId?: string | undefined
    readonly agentId?: string | undefined
  } = {},
): Promise<void> {
  const all = { ...facts, revocation: formatId('revocation', id), ...more }
  return recordEvent(trx, { type, tenantId, ...about, facts: all, private: sealed }, nowMs)
}
