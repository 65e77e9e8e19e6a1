// Fault F13: what becomes of a token that is decided on one side of a rotation and committed on the other.

import { describe, expect, test, vi } from 'vitest'
import { getFrom, signedOutOfTurn, useTwoBrokers } from './rig/two-brokers.ts'

const two = useTwoBrokers()
const { use } = two
const get = (door: 0 | 1, changes: Record<string, string> = {}) => getFrom(use, two.doors[door], changes)

describe('F13: a token that is being made while its key is retired', () => {
  const holdHead = async () => {
    const holder = await use.database.admin.reserve()
    await holder`begin`
    await holder`select size from log.head where id = 1 for update`
    return {
      /** Until so many sessions wait for the head. */
      until: (count: number) =>
        vi.waitFor(
          async () => {
            const [row] = await use.database.admin<{ n: number }[]>`
              select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
            expect(row!.n).toBe(count)
          },
          { timeout: 2_000, interval: 5 },
        ),
      async free() {
        await holder`commit`
        holder.release()
      },
    }
  }
  const replace = () => use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })

  test('is made again by the new key when the rotation is committed first', async () => {
    // So that the decision needs no more reading and is made by the key that is about to be retired.
    const before = await get(0, { task_id: 'race' })
    const head = await holdHead()
    const replacing = replace()
    await head.until(1)
    const asking = get(0, { task_id: 'race' })
    await head.until(2)
    await head.free()
    const [replaced, asked] = [(await replacing).body, await asking]
    expect(replaced.retired).toContain(before.kid)
    expect(asked.kid).toBe(replaced.keys[0].kid)
    expect(await signedOutOfTurn(use, [before, asked])).toEqual([])
  })

  test('stands before the rotation in the log when it was committed first', async () => {
    const before = await get(0, { task_id: 'race' })
    const head = await holdHead()
    const asking = get(0, { task_id: 'race' })
    await head.until(1)
    const replacing = replace()
    await head.until(2)
    await head.free()
    const [asked, replaced] = [await asking, (await replacing).body]
    expect(asked.kid).toBe(before.kid)
    expect(replaced.retired).toContain(asked.kid)
    expect(await signedOutOfTurn(use, [before, asked])).toEqual([])
  })
})

test('F13: a broker that heard of nothing signs nothing with a retired key', async () => {
  const directory = two.second.deps.directory
  const deaf = vi.spyOn(directory, 'invalidate').mockImplementation(() => {})
  try {
    const before = await get(1)
    await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })
    const snapshot = await directory.resolve(undefined)
    expect(snapshot!.signers.get('ES256')!.kid).toBe(before.kid)
    const after = await get(1)
    expect(after.kid).not.toBe(before.kid)
    expect(await signedOutOfTurn(use, [before, after])).toEqual([])
  } finally {
    deaf.mockRestore()
  }
})

test('F13: a broker that heard of nothing and issues nothing shows a new key soon all the same', async () => {
  const { directory } = two.second.deps
  await directory.resolve(undefined)
  const deaf = vi.spyOn(directory, 'invalidate').mockImplementation(() => {})
  const { body } = await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'RS256', now: true })
  const shown = async () => (await directory.resolve(undefined))!.jwks.keys.map(({ kid }) => kid)
  expect(await shown()).not.toContain(body.keys[0].kid)
  deaf.mockRestore()
  await directory.compareEpochs()
  expect(await shown()).toContain(body.keys[0].kid)
})
