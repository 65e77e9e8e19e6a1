import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Fetched, FollowedDocuments, type Location, type Unusable } from '#core/trust-material/followed-documents.ts'

const here: Location = { id: 'source', url: 'https://a.example/b', caPem: undefined }
const other: Location = { ...here, id: 'other source' }
const doc = (value: string, refreshMs = 1_000, usableUntilMs = 100_000): Fetched<{ value: string }> => ({
  value: { value },
  digest: value,
  refreshMs,
  usableUntilMs,
})

let answers: (Fetched<{ value: string }> | Unusable | Error | Promise<never>)[]
let fetched: string[]
let faults: string[]
let documents: FollowedDocuments<{ value: string }>
beforeEach(() => {
  answers = []
  fetched = []
  faults = []
  documents = new FollowedDocuments(
    async ({ id }) => {
      fetched.push(id)
      const answer = await answers.shift()!
      if (answer instanceof Error) throw answer
      return answer
    },
    (_, fault) => faults.push((fault as Error).message),
  )
})
/** A second or so later, as the timer comes. */
const pass = async (nowMs: number) => {
  documents.refreshDue(nowMs)
  await vi.waitFor(() => expect(answers).toEqual([]))
  await new Promise(setImmediate)
}

test('what is followed is at hand at once, and only for whom it is followed', async () => {
  answers = [doc('a')]
  await documents.follow('tenant', [here], 0)
  expect(documents.find(here, 0)).toEqual({ value: 'a' })
  expect(documents.find(other, 0)).toBeUndefined()
})

test('it is asked for again when it is due, never twice at a time', async () => {
  answers = [doc('a')]
  await documents.follow('tenant', [here], 0)
  documents.refreshDue(999)
  expect(fetched).toHaveLength(1)
  answers = [doc('b')]
  documents.refreshDue(1_000)
  documents.refreshDue(1_000)
  await pass(1_000)
  expect(fetched).toHaveLength(2)
  expect(documents.find(here, 1_000)).toEqual({ value: 'b' })
})

test('the generation rises with what is another document, and what is the same stays the same object', async () => {
  answers = [doc('a')]
  await documents.follow('tenant', [here], 0)
  const [before, first] = [documents.generationOf('tenant'), documents.find(here, 0)]
  answers = [doc('a')]
  await pass(1_000)
  expect(documents.generationOf('tenant')).toBe(before)
  expect(documents.find(here, 0)).toBe(first)
  answers = [doc('b')]
  await pass(2_000)
  expect(documents.generationOf('tenant')).toBeGreaterThan(before)
  expect(documents.generationOf('neighbour')).toBe(0)
})

test('while fetches fail, what came last is used until its bound, and asked for again after a while', async () => {
  answers = [doc('a', 1_000, 20_000)]
  await documents.follow('tenant', [here], 0)
  answers = [new Error('down')]
  await pass(1_000)
  expect(faults).toEqual(['down'])
  documents.refreshDue(15_999)
  expect(fetched).toHaveLength(2)
  expect(documents.find(here, 19_999)).toEqual({ value: 'a' })
  expect(documents.find(here, 20_000)).toBeUndefined()
  answers = [doc('b')]
  await pass(16_000)
  expect(documents.find(here, 20_000)).toEqual({ value: 'b' })
})

test('what says of itself that it is unusable takes with it what came before', async () => {
  answers = [doc('a')]
  await documents.follow('tenant', [here], 0)
  const before = documents.generationOf('tenant')
  answers = [{ fault: 'garbage' }]
  await pass(1_000)
  expect([documents.find(here, 1_000), faults]).toEqual([undefined, ['garbage']])
  expect(documents.generationOf('tenant')).toBeGreaterThan(before)
})

describe('following', () => {
  test('waits for a slow server a moment only, and its answer still counts when it comes', async () => {
    const slow = Promise.withResolvers<never>()
    answers = [slow.promise]
    await documents.follow('tenant', [here], 0)
    expect(documents.find(here, 0)).toBeUndefined()
    slow.resolve(doc('late') as never)
    await vi.waitFor(() => expect(documents.find(here, 0)).toEqual({ value: 'late' }))
  })

  test('never fails, though the server does', async () => {
    answers = [new Error('down')]
    await expect(documents.follow('tenant', [here], 0)).resolves.toBeUndefined()
  })

  test('anew fetches only what is new, and forgets what is not followed any more', async () => {
    answers = [doc('a')]
    await documents.follow('tenant', [here], 0)
    answers = [doc('b')]
    await documents.follow('tenant', [here, other], 0)
    expect(fetched).toEqual(['source', 'other source'])
    await documents.follow('tenant', [other], 0)
    expect([documents.find(here, 0), documents.find(other, 0)]).toEqual([undefined, { value: 'b' }])
  })

  test('of one tenant leaves the others’ alone', async () => {
    answers = [doc('a'), doc('b')]
    await documents.follow('tenant', [here], 0)
    await documents.follow('neighbour', [other], 0)
    await documents.follow('neighbour', [], 0)
    expect([documents.find(here, 0), documents.find(other, 0)]).toEqual([{ value: 'a' }, undefined])
  })
})
