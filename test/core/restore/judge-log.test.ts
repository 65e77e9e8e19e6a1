import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeLog, type LogEvidence, rootOfEntries } from '#core/restore/judge-log.ts'

const shard = '0198c0ff-ee00-4708-8000-0000000000aa'
const rootOf = (leaves: readonly string[]) => (size: number) =>
  rootOfEntries(size, async (from, limit) => leaves.slice(from, Math.min(from + limit, size)).map(leaf => Buffer.from(leaf)))
interface Given {
  /** As one place outside has it, and as another one has it. */
  readonly sealed: readonly string[] | undefined
  readonly published?: readonly string[]
  readonly now: readonly string[]
  readonly recorded?: 'same' | 'other'
  readonly unknown?: boolean
}
const headOf = async (leaves: readonly string[], of = shard) => ({
  shard: of,
  size: leaves.length,
  root: await rootOf(leaves)(leaves.length),
})
const judge = async ({ sealed, published, now, recorded, unknown = false }: Given) => {
  const evidence: LogEvidence = {
    head: { shard, size: now.length },
    sealed: await Promise.all([sealed, published].flatMap(leaves => (leaves ? [headOf(leaves)] : []))),
    unknown: unknown ? [await headOf(['a'], '0198c0ff-ee00-4708-8000-0000000000bb')] : [],
    recordedRoot: async ({ root }) => (recorded === 'same' ? root : recorded === 'other' ? 'AAAA' : undefined),
    rootOf: rootOf(now),
  }
  return (await judgeLog(evidence)).verdict
}

describe('a database', () => {
  test.each([
    ['of which nothing was ever sealed', { sealed: undefined, now: ['a'] }, 'continues'],
    ['that is new, beside a checkpoint of nothing', { sealed: [], now: [] }, 'continues'],
    ['that has all that was sealed, on record', { sealed: ['a', 'b'], now: ['a', 'b', 'c'], recorded: 'same' }, 'continues'],
    ['whose sealer died before it recorded the checkpoint', { sealed: ['a', 'b'], now: ['a', 'b', 'c'] }, 'continues'],
    ['that has fewer entries than were sealed', { sealed: ['a', 'b', 'c'], now: ['a', 'b'], recorded: 'same' }, 'shorter'],
    ['that was restored and written on', { sealed: ['a', 'b', 'c'], now: ['a', 'x', 'y', 'z'] }, 'different'],
    [
      'whose record is false, and whose entries are those',
      { sealed: ['a', 'b'], now: ['a', 'b'], recorded: 'other' },
      'continues',
    ],
    ['whose record and entries say otherwise', { sealed: ['a', 'b'], now: ['a', 'x'], recorded: 'other' }, 'different'],
    ['that one place knows to be longer', { sealed: ['a'], published: ['a', 'b', 'c'], now: ['a', 'b'] }, 'shorter'],
    [
      'that one place knows with another entry',
      { sealed: ['a', 'x'], published: ['a', 'b', 'c'], now: ['a', 'b', 'c'] },
      'different',
    ],
    [
      'that has all, beside a log that it does not know',
      { sealed: ['a'], now: ['a'], recorded: 'same', unknown: true },
      'forgetful',
    ],
    ['that has nothing, beside a log that it does not know', { sealed: undefined, now: [], unknown: true }, 'forgetful'],
    ['that has lost some, beside a log that it does not know', { sealed: ['a', 'b'], now: ['a'], unknown: true }, 'shorter'],
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
