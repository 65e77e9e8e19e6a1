import { expect, test } from 'vitest'
import { FeedSnapshots } from '#core/feed/snapshots.ts'

const shard = '0198c0ff-ee00-4708-8000-0000000000bb'
const entryOf = (epoch: number) => ({ epoch, text: `j${String(epoch).padStart(22, '0')}..1795305900` })

function snapshotsOf(epoch: number) {
  const entries = Array.from({ length: epoch }, (_, at) => entryOf(at + 1))
  const head = { shard, epoch, databaseMs: 1_000.5 }
  return new FeedSnapshots({
    mark: () => 0,
    head: async () => ({ ...head, askedMark: 0 }),
    readAll: async () => ({ head, entries }),
  })
}

test.each([0, 1, 5_000])('%i entries are one JSON text of as many bytes as it says', async count => {
  const { bytes, pieces } = await snapshotsOf(count).get('tenant')
  const text = Buffer.concat([...pieces])
  expect(text.length).toBe(bytes)
  const entries = Array.from({ length: count }, (_, at) => entryOf(at + 1).text)
  expect(JSON.parse(text.toString())).toEqual({ shard, epoch: count, time: 1_000.5, entries })
})

test('all who ask get the same bytes, in pieces, so that many slow readers hold one copy', async () => {
  const snapshots = snapshotsOf(20_000)
  const [one, other] = await Promise.all([snapshots.get('tenant'), snapshots.get('tenant')])
  const [, ...pieces] = [...one.pieces]
  const [, ...same] = [...other.pieces]
  expect(pieces.length).toBeGreaterThan(10)
  pieces.forEach((piece, at) => {
    expect(piece.length).toBeLessThanOrEqual(64 * 1024)
    expect(piece.buffer).toBe(same[at]!.buffer)
    expect(piece.byteOffset).toBe(same[at]!.byteOffset)
  })
})
