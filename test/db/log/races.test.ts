// The promise that everything stands on: behind the leaf of a revocation there is no issuance for that account, and behind
// the leaf of a change of configuration none that was decided before it (threats 39). Each check runs against the real
// function, which must pass, and against one that makes the mistake, which must be caught.

import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '#db/connect.ts'
import { type AppendOutcome, type AppendRequest, appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createAccounts, createTenant, event, type Leaf, makeRequest, readLeaves } from './requests.ts'
import { installWrongAppend } from './wrong-append.ts'

const variants = [
  { name: 'the real function', wrong: false },
  { name: 'a function that reads in the statement that locks', wrong: true },
]

describe.each(variants)('$name', ({ wrong }) => {
  let db: TestDatabase
  let tenantId: string
  beforeAll(async () => {
    db = await createTestDatabase({ poolSize: 8 })
    // Here a transaction of several round trips changes accounts, which gives a race time to be lost; the broker may not.
    await db.admin`grant update on mayfly.account to mayfly_app`
    if (wrong) await installWrongAppend(db.admin)
  })
  afterAll(() => db.close())
  beforeEach(async () => {
    tenantId = await createTenant(db.admin)
  })

  const verdict = wrong ? 'is caught logging' : 'never logs'

  test(`${verdict} an issuance behind the revocation that it waited for`, async () => {
    const [id] = await createAccounts(db.admin, tenantId, 1)
    const outcome = await appendWhileCommitting(db, issuance(tenantId, id!), trx => revoke(trx, tenantId, id!))
    const late = issuedAfterRevocation(await readLeaves(db.admin))
    expect({ outcome, late: late.length }).toEqual(
      wrong ? { outcome: 'appended', late: 1 } : { outcome: 'account_not_live', late: 0 },
    )
  })

  test(`${verdict} an issuance under the configuration that was changed while it waited`, async () => {
    const outcome = await appendWhileCommitting(db, issuance(tenantId, null, 1), trx => changeConfig(trx, tenantId, 2))
    const late = issuedUnderOldConfig(await readLeaves(db.admin), tenantId)
    expect({ outcome, late: late.length }).toEqual(
      wrong ? { outcome: 'appended', late: 1 } : { outcome: 'config_changed', late: 0 },
    )
  })

  test(`${verdict} an issuance behind a revocation when many run at once`, async () => {
    // The wrong one needs luck to be seen; the right one must hold in every round.
    for (let round = 0; round < (wrong ? 50 : 3); round++) {
      const accounts = await createAccounts(db.admin, tenantId, 60)
      const outcomes = await raceRevocations(db, tenantId, accounts)
      const late = issuedAfterRevocation(await readLeaves(db.admin))
      if (wrong && late.length > 0) return
      if (!wrong) {
        expect(late).toEqual([])
        expect(outcomes, 'the race had both winners').toEqual(new Set(['appended', 'account_not_live']))
      }
    }
    if (wrong) expect.unreachable('the mistake was not caught, so this test proves nothing')
  })

  test(`${verdict} an issuance under an old configuration when many run at once`, async () => {
    for (let round = 0; round < (wrong ? 50 : 3); round++) {
      const racedTenant = await createTenant(db.admin)
      const outcomes = await raceConfigChanges(db, racedTenant)
      const late = issuedUnderOldConfig(await readLeaves(db.admin), racedTenant)
      if (wrong && late.length > 0) return
      if (!wrong) {
        expect(late).toEqual([])
        expect(outcomes, 'the race had both winners').toEqual(new Set(['appended', 'config_changed']))
      }
    }
    if (wrong) expect.unreachable('the mistake was not caught, so this test proves nothing')
  })
})

const issuance = (tenantId: string, account: string | null, epoch: number | null = null): AppendRequest =>
  makeRequest(tenantId, {
    configEpoch: epoch,
    account: account === null ? null : { id: account, generation: 1 },
    events: [event({ type: 'issued', tenant: tenantId, account, epoch })],
  })

type Trx = Parameters<Parameters<Sql['begin']>[1]>[0]

async function writePending(trx: Trx, tenantId: string, members: Record<string, unknown>): Promise<void> {
  const { leaf, body } = event({ tenant: tenantId, ...members })
  await trx`insert into log.pending (tenant_id, leaf, body) values (${tenantId}, ${leaf}, ${body})`
}

const nameTenant = (trx: Trx, tenantId: string) => trx`select set_config('mayfly.tenant', ${tenantId}, true)`

async function revoke(trx: Trx, tenantId: string, account: string): Promise<void> {
  await nameTenant(trx, tenantId)
  await trx`update mayfly.account set state = 'r', generation = generation + 1 where id = ${account}`
  await writePending(trx, tenantId, { type: 'revoked', account })
}

async function changeConfig(trx: Trx, tenantId: string, epoch: number): Promise<void> {
  await nameTenant(trx, tenantId)
  await trx`update mayfly.tenant set config_epoch = ${epoch} where id = ${tenantId}`
  await writePending(trx, tenantId, { type: 'config', epoch })
}

/** The exact interleaving: the change holds the head and is not committed; the append waits for it; the change commits. */
async function appendWhileCommitting(
  db: TestDatabase,
  request: AppendRequest,
  change: (trx: Trx) => Promise<void>,
): Promise<AppendOutcome> {
  let appending: Promise<AppendOutcome> | undefined
  await db.database.sql.begin(async trx => {
    await change(trx)
    await trx`set constraints all immediate`
    appending = appendBatch(db.database.sql, [request]).then(answer => answer.outcomes[0]!)
    await expect
      .poll(() => db.admin`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`, {
        interval: 5,
      })
      .toHaveLength(1)
  })
  return appending!
}

/** Four connections issue in batches for accounts that four others revoke, until all are revoked. */
async function raceRevocations(db: TestDatabase, tenantId: string, accounts: readonly string[]): Promise<Set<AppendOutcome>> {
  const outcomes = new Set<AppendOutcome>()
  const connections = Array.from({ length: 8 }, () => openDatabase(db.urls.app, { poolSize: 1 }))
  let revoking = 4
  const issue = async ({ sql }: { sql: Sql }, offset: number): Promise<void> => {
    for (let n = offset; revoking > 0; n += 4) {
      const picked = Array.from({ length: 8 }, (_, i) => accounts[(n * 7 + i * 3) % accounts.length]!)
      const answer = await appendBatch(
        sql,
        picked.map(account => issuance(tenantId, account)),
      )
      for (const outcome of answer.outcomes) outcomes.add(outcome)
    }
  }
  const revokeAll = async ({ sql }: { sql: Sql }, offset: number): Promise<void> => {
    for (let n = offset; n < accounts.length; n += 4) await sql.begin(trx => revoke(trx, tenantId, accounts[n]!))
    revoking--
  }
  await Promise.all(connections.map((connection, n) => (n < 4 ? issue(connection, n) : revokeAll(connection, n - 4))))
  await Promise.all(connections.map(connection => connection.close()))
  return outcomes
}

/** Four connections issue under the newest epoch they know, while another raises it forty times. */
async function raceConfigChanges(db: TestDatabase, tenantId: string): Promise<Set<AppendOutcome>> {
  const outcomes = new Set<AppendOutcome>()
  const connections = Array.from({ length: 5 }, () => openDatabase(db.urls.app, { poolSize: 1 }))
  const last = 40
  let known = 1
  const issue = async ({ sql }: { sql: Sql }): Promise<void> => {
    while (known < last) {
      const answer = await appendBatch(sql, [issuance(tenantId, null, known), issuance(tenantId, null, known)])
      for (const outcome of answer.outcomes) outcomes.add(outcome)
    }
  }
  const change = async ({ sql }: { sql: Sql }): Promise<void> => {
    for (let epoch = 2; epoch <= last; epoch++) {
      await sql.begin(trx => changeConfig(trx, tenantId, epoch))
      known = epoch
    }
  }
  await Promise.all(connections.map((connection, n) => (n < 4 ? issue(connection) : change(connection))))
  await Promise.all(connections.map(connection => connection.close()))
  return outcomes
}

function issuedAfterRevocation(leaves: readonly Leaf[]): Leaf[] {
  const revoked = new Set<unknown>()
  return leaves.filter(({ leaf }) => {
    if (leaf['type'] === 'revoked') revoked.add(leaf['account'])
    return leaf['type'] === 'issued' && revoked.has(leaf['account'])
  })
}

function issuedUnderOldConfig(leaves: readonly Leaf[], tenantId: string): Leaf[] {
  let epoch = 1
  return leaves.filter(({ leaf }) => {
    if (leaf['tenant'] !== tenantId) return false
    if (leaf['type'] === 'config') epoch = leaf['epoch'] as number
    return leaf['type'] === 'issued' && leaf['epoch'] !== epoch
  })
}
