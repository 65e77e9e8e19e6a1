import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { addToLedger, type LedgerEntry, readLedger } from '#core/audit/erasure/ledger.ts'
import { createMemoryStore } from '#core/tlog/tile-store.ts'

const entry = (): LedgerEntry => ({
  id: randomUUID(),
  tenantId: randomUUID(),
  keyIds: [randomUUID()],
  personIds: [],
  sealed: 'c2VhbGVk',
  sealedUnder: randomUUID(),
  askedAtMs: 1_790_000_000_000,
})

describe('the ledger of erasures', () => {
  test('gives back what was added, in its order, and takes each erasure once', async () => {
    const store = createMemoryStore()
    const [a, b, c] = [entry(), entry(), entry()]
    expect(await addToLedger(store, [a, b])).toEqual([a.id, b.id])
    await addToLedger(store, [b, c, c])
    expect((await readLedger(store)).entries).toEqual([a, b, c])
    // Each in a file of its own, and one that says how many there are.
    expect(store.files.size).toBe(4)
  })

  test('loses nothing where two write at once', async () => {
    const store = createMemoryStore()
    const all = Array.from({ length: 12 }, entry)
    await Promise.all(all.map(one => addToLedger(store, [one])))
    const { entries } = await readLedger(store)
    expect(new Set(entries.map(({ id }) => id))).toEqual(new Set(all.map(({ id }) => id)))
    expect(entries).toHaveLength(12)
  })

  test('is refused once a file of it was changed, replaced or put in another place', async () => {
    const files = new Map<string, Buffer>()
    const store = createMemoryStore(files)
    await addToLedger(store, [entry(), entry(), entry()])
    const [first, second, third] = [...files.keys()].sort() as [string, string, string]
    const whole = new Map(files)
    const changed: readonly (readonly [string, () => void])[] = [
      ['one byte', () => files.set(first, Buffer.from(whole.get(first)!.toString('utf8').replace('c2VhbGVk', 'c2VhbGVl')))],
      ['no JSON', () => files.set(second, Buffer.from('nothing'))],
      ['swapped', () => files.set(second, whole.get(third)!).set(third, whole.get(second)!)],
      ['taken away', () => files.set(second, whole.get(third)!)],
      ['another format', () => files.set(first, Buffer.from('{"format":"x"}'))],
    ]
    for (const [how, change] of changed) {
      files.clear()
      for (const [path, bytes] of whole) files.set(path, bytes)
      change()
      await expect(readLedger(store), how).rejects.toMatchObject({ code: 'internal' })
      await expect(addToLedger(store, [entry()]), how).rejects.toMatchObject({ code: 'internal' })
    }
  })

  test.each([
    ['its last file', ['00000003'], false],
    ['a file in the middle', ['00000002'], false],
    ['all of it', ['00000001', '00000002', '00000003'], false],
    ['its end, with what it says of itself', ['00000003', 'head'], true],
    ['all of it, with what it says of itself', ['00000001', '00000002', '00000003', 'head'], true],
  ])('is refused once it has lost %s', async (_, gone, isKeptElsewhere) => {
    const files = new Map<string, Buffer>()
    const [store, elsewhere] = [createMemoryStore(files), isKeptElsewhere ? createMemoryStore() : undefined]
    await addToLedger(store, [entry(), entry(), entry()], elsewhere)
    for (const name of gone) expect(files.delete(`erasures/${name}.json`)).toBe(true)
    const refusal = { code: 'internal', hint: expect.stringMatching(/is gone: the ledger had 3 entries/) }
    await expect(readLedger(store, elsewhere)).rejects.toMatchObject(refusal)
    await expect(addToLedger(store, [entry()], elsewhere)).rejects.toMatchObject(refusal)
  })

  test('may be longer than what is kept of it: whoever died between the two is followed by whoever adds next', async () => {
    const [store, elsewhere] = [createMemoryStore(), createMemoryStore()]
    await addToLedger(store, [entry()], elsewhere)
    const before = elsewhere.files.get('erasures/head.json')
    await addToLedger(store, [entry()])
    expect((await readLedger(store, elsewhere)).entries).toHaveLength(2)
    await addToLedger(store, [], elsewhere)
    expect(elsewhere.files.get('erasures/head.json')).not.toEqual(before)
    expect(elsewhere.files.get('erasures/head.json')).toEqual(store.files.get('erasures/head.json'))
  })
})
