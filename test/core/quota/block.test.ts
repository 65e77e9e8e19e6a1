import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Block, blockSize, type Lease, type LeaseRequest } from '#core/quota/block.ts'

const key = { tenantId: 't', scope: 's', kind: 'tokens' } as const
const minute = 60_000

const take = async (block: Block, units: number, limit: number, nowMs: number) =>
  (await block.take(units, limit, nowMs)) !== undefined

/** The database's row, as `across.lease_quota` keeps it. */
function createRow(options: { readonly windowed: boolean }) {
  const row = { nowMs: 0, used: 0, endsMs: options.windowed ? 0 : Number.POSITIVE_INFINITY, leases: 0, gate: Promise.resolve() }
  const lease = async (request: LeaseRequest): Promise<Lease> => {
    row.leases++
    await row.gate
    if (row.nowMs >= row.endsMs) {
      row.used = 0
      row.endsMs = (Math.floor(row.nowMs / minute) + 1) * minute
    }
    row.used = Math.max(0, row.used - request.givenBack)
    const left = request.limit - row.used
    const granted = Math.max(0, Math.min(left, Math.max(request.least, Math.min(request.wanted, Math.ceil(left / 4)))))
    row.used += granted
    return { granted, used: row.used, endsMs: row.endsMs, atMs: row.nowMs }
  }
  return { row, lease }
}

describe('leased blocks', () => {
  test('never give out more than the limit in a window, and refuse only when no more than a block each is unused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3_000 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 40 }),
        async (limit, bursts) => {
          const { row, lease } = createRow({ windowed: true })
          const blocks = [0, 1, 2].map(() => new Block(key, limit, lease))
          let given = 0
          let asked = 0
          for (const [which, count] of bursts) {
            asked += count
            const got = await Promise.all(Array.from({ length: count }, () => blocks[which]!.take(1, limit, row.nowMs)))
            given += got.filter(era => era !== undefined).length
          }
          expect(given).toBeLessThanOrEqual(limit)
          const missed = Math.min(asked, limit) - given
          expect(missed).toBeLessThanOrEqual(2 * blockSize(limit))
          expect(given + blocks.reduce((sum, block) => sum + block.held, 0)).toBeLessThanOrEqual(limit)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('hold one block at most, however many wait', async () => {
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 6_400, lease)
    await Promise.all(Array.from({ length: 700 }, () => block.take(1, 6_400, row.nowMs)))
    expect(block.held).toBeLessThanOrEqual(blockSize(6_400))
  })

  test('ask nobody while there are units, and refill ahead', async () => {
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 64_000, lease)
    expect(await take(block, 1, 64_000, 0)).toBe(true)
    const before = row.leases
    for (let i = 0; i < 400; i++) expect(block.tryTake(1, 64_000, 0)).toBe(true)
    expect(row.leases).toBe(before)
    for (let i = 0; i < 150; i++) expect(block.tryTake(1, 64_000, 0)).toBe(true)
    expect(row.leases).toBe(before + 1)
    await new Promise(setImmediate)
    expect(block.held).toBeGreaterThan(blockSize(64_000) / 2)
  })

  test('lapse with their window, and units of an ended window do not come back', async () => {
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 2, lease)
    expect(await take(block, 1, 2, 0)).toBe(true)
    const { era } = block
    expect(await take(block, 1, 2, 0)).toBe(true)
    expect(await take(block, 1, 2, 0)).toBe(false)
    row.nowMs = minute
    expect(await take(block, 1, 2, minute)).toBe(true)
    block.giveBack(1, era)
    expect(await take(block, 1, 2, minute)).toBe(true)
    expect(await take(block, 1, 2, minute)).toBe(false)
  })

  test('give units back to those who ask later in the same window', async () => {
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 1, lease)
    expect(await take(block, 1, 1, row.nowMs)).toBe(true)
    expect(await take(block, 1, 1, row.nowMs)).toBe(false)
    block.giveBack(1, block.era)
    expect(await take(block, 1, 1, row.nowMs)).toBe(true)
  })

  test('ask no more until the window ends, once the limit is reached', async () => {
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 3, lease)
    for (let i = 0; i < 3; i++) expect(await take(block, 1, 3, 0)).toBe(true)
    expect(await take(block, 1, 3, 0)).toBe(false)
    const { leases } = row
    for (let i = 0; i < 100; i++) expect(await take(block, 1, 3, 0)).toBe(false)
    expect(row.leases).toBe(leases)
  })

  test('are forgotten when the limit changes: what was leased under the old one may be too much', async () => {
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 64_000, lease)
    await block.take(1, 64_000, 0)
    expect(await take(block, 1, 10, 0)).toBe(false)
    expect(row.used).toBeGreaterThan(10)
    expect(block.held).toBe(0)
  })

  test('take nothing back that was taken under another limit', async () => {
    const { lease } = createRow({ windowed: true })
    const block = new Block(key, 64_000, lease)
    await block.take(1, 64_000, 0)
    const { era } = block
    expect(await take(block, 1, 0, 0)).toBe(false)
    block.giveBack(1, era)
    expect(block.tryTake(1, 0, 0)).toBe(false)
  })

  test('refuse everybody who waits when the lease fails, and ask again for the next', async () => {
    let fails = true
    const { row, lease } = createRow({ windowed: true })
    const block = new Block(key, 5, async request => {
      if (fails) throw new Error('connection lost')
      return lease(request)
    })
    const waiting = [block.take(1, 5, 0), block.take(1, 5, 0)]
    for (const refused of waiting) await expect(refused).rejects.toMatchObject({ code: 'log_unavailable' })
    fails = false
    expect(await take(block, 1, 5, row.nowMs)).toBe(true)
  })

  test('of an account begin with what its opener holds; others count that as used', async () => {
    const { row, lease } = createRow({ windowed: false })
    row.used = 4
    const opener = new Block({ ...key, kind: 'account_tokens' }, 10, lease, { held: 4, opening: () => 4 })
    const other = new Block({ ...key, kind: 'account_tokens' }, 10, lease, { opening: () => 4 })
    const got = await Promise.all([...Array(20)].map((_, i) => (i % 2 ? opener : other).take(1, 10, 0)))
    expect(got.filter(era => era !== undefined).length).toBe(10)
  })
})
