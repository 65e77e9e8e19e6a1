import { expect, test } from 'vitest'
import { Acknowledgements } from '#core/feed/acknowledgements.ts'
import type { Acknowledgement } from '#db/feed/acknowledgements.ts'

const mark = (): number => performance.now()

const said = (receiverId: string, epoch: number): Acknowledgement => ({
  tenantId: 'tenant',
  receiverId,
  resourceId: 'resource',
  name: 'guard',
  shard: 'shard',
  epoch,
  atMs: 1_000 + epoch,
})

test('are written together, each step of a receiver once', async () => {
  const batches: (readonly Acknowledgement[])[] = []
  const acknowledgements = new Acknowledgements(async rows => void batches.push(rows), mark)
  for (const row of [said('a', 1), said('b', 1), said('a', 1), said('a', 2)]) acknowledgements.note(row)
  await expect.poll(() => batches.flat().map(({ receiverId, epoch }) => `${receiverId}${epoch}`)).toEqual(['a1', 'b1', 'a2'])
  expect(batches).toHaveLength(1)
  await acknowledgements.close()
})

test('are tried again when they could not be written, and none is lost with the process that ends in order', async () => {
  const written: string[] = []
  let fails = 1
  const acknowledgements = new Acknowledgements(async rows => {
    if (fails-- > 0) throw new Error('the database does not answer')
    written.push(...rows.map(({ receiverId, epoch }) => `${receiverId}${epoch}`))
  }, mark)
  acknowledgements.note(said('a', 1))
  await acknowledgements.flush()
  expect(written).toEqual([])
  acknowledgements.note(said('a', 2))
  await acknowledgements.close()
  expect(written).toEqual(['a1', 'a2'])
})

test('that come faster than they are written are thinned to the last word of each, then refused', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let rows: readonly Acknowledgement[] = []
  const acknowledgements = new Acknowledgements(async given => {
    await promise
    rows = given
  }, mark)
  acknowledgements.note(said('first', 1))
  const writing = acknowledgements.flush()
  for (let epoch = 0; epoch < 6_000; epoch++) acknowledgements.note(said('a', epoch))
  for (let n = 0; n < 19_000; n++) acknowledgements.note(said(`r${n}`, 1))
  expect(() => acknowledgements.note(said('one too many', 1))).toThrow(expect.objectContaining({ code: 'overloaded' }))
  resolve()
  await writing
  await acknowledgements.close()
  expect(rows).toHaveLength(20_000)
  expect(rows.findLast(({ receiverId }) => receiverId === 'a')!.epoch).toBe(5_999)
})
