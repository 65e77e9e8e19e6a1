// Accounts as openings leave them, without a broker: through the function that opens them, so that counters and log are right.

import { randomBytes } from 'node:crypto'
import type { Sql } from 'postgres'
import { prepareEvent } from '#core/audit/event.ts'
import { newUuid } from '#core/ids/id.ts'
import { type AppendOutcome, type AppendRequest, appendBatch, type NewLineage, type Opening } from '#db/log/append.ts'
import { makeOpening, makeRequest } from '#test/db/log/requests.ts'
import { sampleFacts } from './sample-events.ts'

export interface TestAccount extends Opening {
  readonly outcome: AppendOutcome
}

export type AccountSettings = Partial<Opening> & {
  /** From now; negative: its time was up when it was opened. */
  readonly ttlSeconds?: number
}

const batch = 500

/** Opens so many accounts, 500 a commit. `settings` may be made for each by its number. */
export async function openAccounts(
  sql: Sql,
  tenantId: string,
  count: number,
  settings: AccountSettings | ((index: number) => AccountSettings) = {},
): Promise<TestAccount[]> {
  const opened: TestAccount[] = []
  for (let from = 0; from < count; from += batch) {
    const openings = Array.from({ length: Math.min(batch, count - from) }, (_, i) =>
      openingOf(tenantId, typeof settings === 'function' ? settings(from + i) : settings),
    )
    const { outcomes } = await appendBatch(sql, openings.map(requestOf))
    opened.push(...openings.map((opening, i) => ({ ...opening, outcome: outcomes[i]! })))
  }
  return opened
}

export async function openAccount(sql: Sql, tenantId: string, settings: AccountSettings = {}): Promise<TestAccount> {
  return (await openAccounts(sql, tenantId, 1, settings))[0]!
}

function openingOf(tenantId: string, { ttlSeconds = 3_600, ...change }: AccountSettings): Opening {
  const now = Date.now()
  return makeOpening(tenantId, {
    id: newUuid(now),
    task_id: `run_${randomBytes(8).toString('hex')}`,
    opener: randomBytes(32).toString('hex'),
    deadline: now / 1_000 + ttlSeconds,
    claim_hash: randomBytes(32).toString('hex'),
    ...change,
  })
}

function requestOf(opening: Opening): AppendRequest {
  const { tenant: tenantId, agent: agentId, id: accountId, deadline } = opening
  const event = prepareEvent(
    { type: 'account.opened', tenantId, agentId, accountId, facts: sampleFacts('account.opened') },
    Date.now(),
  )
  return makeRequest(tenantId, { untilSeconds: Math.floor(deadline), events: [event], opening })
}

/** What makes an opening that of a child of `parent`; a grandchild is given its parent's own lineage. */
export function lineageUnder(parent: TestAccount): NewLineage {
  const above = parent.lineage
  return {
    root: above?.root ?? parent.id,
    parent: parent.id,
    depth: (above?.depth ?? 0) + 1,
    max_depth: 8,
    ancestors: [parent.id, ...(above?.ancestors ?? [])],
    generations: [1, ...(above?.generations ?? [])],
    agents: [parent.agent, ...(above?.agents ?? [])],
    quota: null,
  }
}

/** The types of the events that the log has of each account, in their order. */
export async function readAccountEvents(admin: Sql, type = 'account.%'): Promise<Map<string, string[]>> {
  const rows = await admin<{ account: string; type: string }[]>`
    select leaf::jsonb->>'account' as account, leaf::jsonb->>'type' as type from log.entry
     where leaf::jsonb->>'type' like ${type} order by position`
  const byAccount = new Map<string, string[]>()
  for (const { account, type } of rows) byAccount.set(account, [...(byAccount.get(account) ?? []), type])
  return byAccount
}

/** No account, and nothing that belongs to one; what stands in the log stays. */
export async function clearAccounts(admin: Sql): Promise<void> {
  await admin`truncate mayfly.account, mayfly.lineage, mayfly.live_count, mayfly.tombstone, mayfly.outbox, mayfly.attachment cascade`
}
