import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeLog, type LogEvidence, rootOfEntries } from '#core/restore/judge-log.ts'

const shard = '0198c0ff-ee00-4708-8000-0000000000aa'
const rootOf = (leaves: readonly string[]) => (size: number) =>
  rootOfEntries(size, async (from, limit) => leaves.slice(from, Math.min(from + limit, size)).map(leaf => Buffer.from(leaf)))
const judge = async (given: { sealed: readonly string[] | undefined; now: readonly string[]; recorded?: 'same' | 'other' }) => {
  const { sealed, now, recorded } = given
  const root = sealed && (await rootOf(sealed)(sealed.length))
  const evidence: LogEvidence = {
    head: { shard, size: now.length },
    sealed: sealed && { shard, size: sealed.length, root: root! },
    recordedRoot: recorded === undefined ? undefined : recorded === 'same' ? root : 'AAAA',
    rootOf: rootOf(now),
  }
  return judgeLog(evidence)
}

describe('a database', () => {
  test.each([
    ['of which nothing was ever sealed', { sealed: undefined, now: ['a'] }, 'continues'],
    ['that is new, beside a checkpoint of nothing', { sealed: [], now: [] }, 'continues'],
    ['that has all that was sealed, on record', { sealed: ['a', 'b'], now: ['a', 'b', 'c'], recorded: 'same' }, 'continues'],
    ['whose sealer died before it recorded the checkpoint', { sealed: ['a', 'b'], now: ['a', 'b', 'c'] }, 'continues'],
    ['that has fewer entries than were sealed', { sealed: ['a', 'b', 'c'], now: ['a', 'b'], recorded: 'same' }, 'shorter'],
    ['that was restored and written on', { sealed: ['a', 'b', 'c'], now: ['a', 'x', 'y', 'z'] }, 'different'],
    ['whose record says otherwise', { sealed: ['a', 'b'], now: ['a', 'b'], recorded: 'other' }, 'different'],
  ] as const)('%s: %o is %s', async (_, given, verdict) => {
    expect(await judge(given)).toBe(verdict)
  })

  test('that lost or changed any entry that was sealed never continues', async () => {
    const logs = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(logs, fc.nat(), fc.array(fc.string(), { maxLength: 5 }), async (sealed, at, later) => {
        const place = at % sealed.length
        const changed = sealed.map((leaf, n) => (n === place ? `${leaf}!` : leaf))
        expect(await judge({ sealed, now: [...sealed, ...later] })).toBe('continues')
        expect(await judge({ sealed, now: [...changed, ...later] })).toBe('different')
        expect(await judge({ sealed, now: sealed.slice(0, place) })).toBe('shorter')
      }),
    )
  })
})
