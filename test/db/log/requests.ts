// Rows and requests for tests of `log.append`: a tenant, live accounts, and requests that are right until a test bends them.

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import type { AppendRequest, NewSubjectKey, NewTokenStatus, Opening, Pin } from '#db/log/append.ts'

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex')

export async function createTenant(admin: Sql): Promise<string> {
  const id = randomUUID()
  await admin`insert into mayfly.tenant (id, slug, name) values (${id}, ${`t-${id}`}, 'Test')`
  return id
}

export async function createAccounts(admin: Sql, tenantId: string, count: number, ttlSeconds = 3600): Promise<string[]> {
  const rows = await admin<{ id: string }[]>`
    insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, task_id)
      select gen_random_uuid(), ${tenantId}, gen_random_uuid(), gen_random_uuid(), now(), now() + ${ttlSeconds} * interval '1 second', 1, '\\x00', 'task'
        from generate_series(1, ${count}) returning id`
  return rows.map(row => row.id)
}

/** One event whose leaf is a line of JSON with these members. */
export const event = (members: Record<string, unknown> = {}) => ({
  leaf: JSON.stringify({ id: randomUUID(), ...members }),
  body: '{}',
})

export function makeRequest(tenantId: string, change: Partial<AppendRequest> = {}): AppendRequest {
  return {
    tenantId,
    configEpoch: null,
    account: null,
    untilSeconds: inSeconds(60),
    events: [event()],
    opening: null,
    pin: null,
    subjectKey: null,
    ...change,
  }
}

export function makeOpening(tenantId: string, change: Partial<Opening> = {}): Opening {
  return {
    id: randomUUID(),
    tenant: tenantId,
    agent: randomUUID(),
    task_key: randomUUID(),
    task_id: 'task-1',
    opener: sha256Hex('opener'),
    deadline: inSeconds(3600),
    ceiling: '1',
    claim_hash: sha256Hex('claim'),
    opening_key: null,
    ...change,
  }
}

export function makePin(change: Partial<Pin> = {}): Pin {
  return { token_hash: randomBytes(32).toString('hex'), key: sha256Hex('key'), until: inSeconds(600) + 0.5, ...change }
}

export function makeSubjectKey(tenantId: string, change: Partial<NewSubjectKey> = {}): NewSubjectKey {
  return {
    id: randomUUID(),
    tenant: tenantId,
    subject: randomBytes(32).toString('hex'),
    sealed: 'aa',
    kek: 'local-test',
    ...change,
  }
}

export function makeStatus(tenantId: string, change: Partial<NewTokenStatus> = {}): NewTokenStatus {
  const account = randomUUID()
  return {
    tenant: tenantId,
    list: randomUUID(),
    idx: 7,
    token: randomUUID(),
    account,
    generation: 1,
    root: account,
    agents: [randomUUID()],
    config: 1,
    kid: 'kid-1',
    until: inSeconds(300),
    ...change,
  }
}

export interface Leaf {
  readonly position: bigint
  readonly leaf: Record<string, unknown>
}

/** Every leaf of the log in its order. */
export async function readLeaves(admin: Sql): Promise<Leaf[]> {
  const rows = await admin<{ position: bigint; leaf: string }[]>`select position, leaf from log.entry order by position`
  return rows.map(({ position, leaf }) => ({ position, leaf: JSON.parse(leaf) as Record<string, unknown> }))
}

/** How many rows each table that `log.append` may write holds. */
export async function countRows(admin: Sql) {
  const [row] = await admin<[Record<'leaves' | 'bodies' | 'accounts' | 'pins' | 'keys' | 'size', number>]>`
    select (select count(*) from log.entry)::int as leaves, (select count(*) from log.body)::int as bodies,
           (select count(*) from mayfly.account)::int as accounts, (select count(*) from mayfly.subject_pin)::int as pins,
           (select count(*) from mayfly.subject_key)::int as keys, (select size from log.head)::int as size`
  return row
}
