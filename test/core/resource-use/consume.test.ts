import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId, newUuid } from '#core/ids/id.ts'
import { consumeToken } from '#core/resource-use/consume.ts'
import { consumeNonce, type NonceUse } from '#db/resource-use/consume-nonce.ts'
import { countRows, readLeaves } from '#test/db/log/requests.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 16 })
})
afterAll(() => db.close())

const nowMs = Date.now()
const now = nowMs / 1000
const principal = { credentialId: newUuid(), role: 'resource' as const, tenantId: newUuid(), resourceId: newUuid() }
const consume = (change: Partial<Parameters<typeof consumeToken>[2]> = {}, by = principal, seen?: (use: NonceUse) => void) =>
  consumeToken(
    {
      clock: { nowMs: () => nowMs },
      consumeNonce: use => {
        seen?.(use)
        return consumeNonce(db.database.sql, use)
      },
    },
    by,
    { tokenId: newId('token'), nonce: 'nonce', expiresSeconds: now + 60, ...change },
  )

describe('a token of a once resource', () => {
  test('is used up by exactly one of a hundred at the same time (faults F12), with one leaf for it', async () => {
    const before = await countRows(db.admin)
    const tokenId = newId('token')
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => consume({ tokenId, nonce: 'raced' })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_consumed' })
    expect((await countRows(db.admin)).leaves).toBe(before.leaves + 1)
    expect((await readLeaves(db.admin)).at(-1)?.leaf).toMatchObject({
      type: 'token.consumed',
      token: tokenId,
      tenant: principal.tenantId,
    })
  })

  test('is another’s at another resource, be the nonce the same', async () => {
    await consume({ nonce: 'shared' })
    await consume({ nonce: 'shared' }, { ...principal, resourceId: newUuid() })
    await expect(consume({ nonce: 'shared' })).rejects.toMatchObject({ code: 'already_consumed' })
  })

  test('is remembered by the hash of its nonce, beyond its own end and at most a day', async () => {
    const uses: NonceUse[] = []
    await consume({ nonce: 'kept', expiresSeconds: now + 60 }, principal, use => uses.push(use))
    await consume({ nonce: 'long', expiresSeconds: now + 1e9 }, principal, use => uses.push(use))
    expect(uses[0]!.nonceHash).toEqual(createHash('sha256').update('kept').digest())
    expect(uses.map(use => Math.round(use.expiresSeconds - now))).toEqual([120, 86_400])
  })

  test('that has ended, or whose id is none of ours, uses up nothing', async () => {
    const before = await countRows(db.admin)
    await expect(consume({ nonce: 'ended', expiresSeconds: now })).rejects.toMatchObject({ code: 'malformed_request' })
    await expect(consume({ nonce: 'odd', tokenId: "at_1' or 1=1" })).rejects.toMatchObject({ code: 'malformed_request' })
    expect(await countRows(db.admin)).toEqual(before)
  })
})
