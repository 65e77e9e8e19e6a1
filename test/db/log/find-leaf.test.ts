import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { newId, newUuid } from '#core/ids/id.ts'
import { appendBatch } from '#db/log/append.ts'
import { findLeaf } from '#db/log/find-leaf.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

const startMs = 1_795_000_000_000
/** Half a second between two; every seventh is late by ten seconds, as behind a slow commit. */
const count = 400
const timeOf = (at: number): number => startMs + at * 500 - (at % 7 === 0 ? 10_000 : 0)

let database: TestDatabase
const tenantId = newUuid()
const leaves: { readonly id: string; readonly token: string; readonly atMs: number }[] = []

beforeAll(async () => {
  database = await createTestDatabase({ madeUpEvents: true })
  for (let at = 0; at < count; at++) {
    const atMs = timeOf(at)
    const token = newId('token', atMs)
    const type = at % 2 === 0 ? 'token.issued' : 'token.consumed'
    const event = prepareEvent({ type, tenantId, tokenId: token, facts: sampleFacts(type) }, atMs)
    leaves.push({ id: (JSON.parse(event.leaf) as { id: string }).id, token, atMs })
    await appendBatch(database.database.sql, [eventOnly(tenantId, event)])
  }
})
afterAll(() => database.close())

describe('a leaf is found', () => {
  test('by its id, wherever it is and however late it came', async () => {
    const { db } = database.database
    for (const at of [0, 1, 7, 133, 200, count - 1]) {
      const { id, atMs } = leaves[at]!
      expect(await findLeaf(db, null, { id }, atMs)).toBe(at)
    }
  })

  test('by its token, where it tells of that token’s issuance', async () => {
    const { db } = database.database
    expect(await findLeaf(db, null, { token: leaves[100]!.token }, leaves[100]!.atMs)).toBe(100)
    expect(await findLeaf(db, null, { token: leaves[101]!.token }, leaves[101]!.atMs)).toBeUndefined()
  })

  test('not where there is none, nor at another time, nor by a part of a name', async () => {
    const { db } = database.database
    const { id, atMs } = leaves[50]!
    expect(await findLeaf(db, null, { id: newUuid(atMs) }, atMs)).toBeUndefined()
    expect(await findLeaf(db, null, { id }, atMs + 3_600_000)).toBeUndefined()
    expect(await findLeaf(db, null, { token: leaves[100]!.token.slice(0, -1) }, leaves[100]!.atMs)).toBeUndefined()
  })

  test('by whom it belongs to, and by nobody else', async () => {
    const { db } = database.database
    const { id, token, atMs } = leaves[100]!
    expect(await findLeaf(db, tenantId, { id }, atMs)).toBe(100)
    for (const name of [{ id }, { token }]) expect(await findLeaf(db, newUuid(), name, atMs)).toBeUndefined()
  })
})
