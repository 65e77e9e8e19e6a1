// The first half of coming back from a backup, in one transaction of the database (`log.begin_restore`): a new shard of the log
// that begins with the restored leaves and names the fork, keys retired, feeds on new shards, whatever may have been revoked held.

import type { Sql } from 'postgres'
import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { newUuid } from '#core/ids/id.ts'
import { revokedKeySeconds } from '#core/keys/rotation/times.ts'
import { issuerOf } from '#core/registry/issuer.ts'
import { readLogHead } from '#db/log/seal.ts'
import { listTenants } from '#db/registry/tenants.ts'
import { beginFork, type LogHead, type NewFork, type SealedHead, type UnknownLog } from '#db/restore/forks.ts'
import { readClock } from '#db/server/check-server.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

const pageSize = 500
/** Each takes about a millisecond and meets the log between two commits, or does not. */
const attempts = 500

export interface RestoreDeps {
  readonly sql: Sql
  readonly db: UnscopedDb
  /** Base URL of the deployment, no slash at its end: tenants' issuers follow from it. */
  readonly baseUrl: string
}

export interface RestoreOrder {
  /** uuid: the shard to leave behind, as it was when this was decided. */
  readonly shard: string
  /** The last checkpoint of the log before the restore; undefined: none is known. */
  readonly sealed: SealedHead | undefined
  /** Logs that were sealed and that the database has never heard of; from here on it has. */
  readonly unknown?: readonly UnknownLog[]
  /** `evidence`: a checkpoint outside proved it. `operator`: somebody said so. */
  readonly by: 'evidence' | 'operator'
}

export interface BegunRestore {
  /** uuid of the fork. */
  readonly id: string
  readonly from: LogHead
  /** uuid */
  readonly toShard: string
  /** Accounts that wait. */
  readonly held: number
}

/**
 * Undefined: somebody else has begun meanwhile, and the shard is left behind already. Throws BrokerError `conflict` where the log keeps
 * growing under it: brokers are still running.
 */
export async function beginRestore(deps: RestoreDeps, order: RestoreOrder): Promise<BegunRestore | undefined> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const issuers = await readIssuers(deps.db, deps.baseUrl)
    const nowMs = await readClock(deps.sql)
    // Last of all: nothing may come between it and the commit.
    const from = await readLogHead(deps.sql)
    if (from.shard !== order.shard) return undefined
    const begun = await tryToBegin(deps.sql, order, { from, issuers, nowMs })
    if (begun) return begun
  }
  throw new BrokerError('conflict', {
    hint: 'The log grows while it is to break off. Stop the brokers and workers, then try again.',
  })
}

async function tryToBegin(
  sql: Sql,
  { sealed, unknown = [], by }: RestoreOrder,
  { from, issuers, nowMs }: { readonly from: LogHead; readonly issuers: NewFork['issuers']; readonly nowMs: number },
): Promise<BegunRestore | undefined> {
  const [id, toShard] = [newUuid(nowMs), crypto.randomUUID()]
  const fork = {
    from_shard: from.shard,
    to_shard: toShard,
    size: from.size,
    ...(sealed && { sealed_shard: sealed.shard, sealed_size: sealed.size, sealed_root: sealed.root }),
    ...(unknown.length > 0 && { unknown_shards: unknown.map(describeLog) }),
  }
  const event = prepareEvent({ type: 'log.restored', tenantId: null, facts: { by, ...fork } }, nowMs)
  const { leaf, body } = event
  const until = new Date(nowMs + revokedKeySeconds * 1000)
  const begun = await beginFork(sql, { id, from, toShard, sealed, unknown, issuers, until, leaf, body })
  return begun && { id, from, toShard, held: begun.held }
}

const describeLog = ({ shard, size, root }: UnknownLog) => ({
  shard,
  ...(size !== null && { size }),
  ...(root !== null && { root }),
})

async function readIssuers(db: UnscopedDb, baseUrl: string): Promise<{ tenant: string; issuer: string }[]> {
  const found: { tenant: string; issuer: string }[] = []
  for (;;) {
    const page = await listTenants(db.forTenant(null), { limit: pageSize, afterId: found.at(-1)?.tenant })
    found.push(...page.map(({ id, slug, is_first }) => ({ tenant: id, issuer: issuerOf(baseUrl, { slug, isFirst: is_first }) })))
    if (page.length < pageSize) return found
  }
}
