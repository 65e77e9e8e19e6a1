import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchAfter, entriesFrames, type FeedBatch, heartbeatFrame, resetFrame, retryFrame } from '#core/feed/feed-frames.ts'
import { formatPosition, parsePosition } from '#core/feed/feed-position.ts'

const shard = '0198c0ff-ee00-4708-8000-0000000000bb'

/** Batches as a database gives them: some epochs have passed their time and are not in them. */
const batches = fc
  .record({
    from: fc.integer({ min: 1, max: 1_000 }),
    kept: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
    most: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ from, kept, most }) => {
    const entries = kept.flatMap((keep, at) => (keep ? [{ epoch: from + at, text: `jx..${from + at}` }] : []))
    return { most, batch: { shard, from, to: from + kept.length - 1, entries } satisfies FeedBatch }
  })

function read(bytes: Buffer) {
  const found = /^event: entries\nid: (\S+)\ndata: (.+)\n\n$/.exec(bytes.toString())
  return { id: found![1], data: JSON.parse(found![2]!) }
}

describe('the frames of a batch', () => {
  test('say all of it, in order, without a gap and none too long', () => {
    fc.assert(
      fc.property(batches, ({ batch, most }) => {
        let at = batch.from
        const texts: string[] = []
        for (const frame of entriesFrames(batch, most)) {
          const { id, data } = read(frame.bytes)
          expect([data.from, data.to]).toEqual([frame.from, frame.to])
          expect(data.from).toBe(at)
          expect(data.to).toBeGreaterThanOrEqual(data.from)
          expect(id).toBe(`${shard}.${data.to}`)
          expect(data.entries.length).toBeLessThanOrEqual(most)
          texts.push(...data.entries)
          at = data.to + 1
        }
        expect(at).toBe(batch.to + 1)
        expect(texts).toEqual(batch.entries.map(({ text }) => text))
      }),
    )
  })

  test('for somebody who knows a part of it begin after that part', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 0, max: 59 }), ({ batch }, skip) => {
        const known = Math.min(batch.from + skip - 1, batch.to)
        const rest = batchAfter(batch, known)
        expect(rest.from).toBe(known + 1)
        expect(rest.to).toBe(batch.to)
        expect(rest.entries).toEqual(batch.entries.filter(({ epoch }) => epoch > known))
      }),
    )
  })
})

test('heartbeats, resets and the time to come back are whole events', () => {
  expect(heartbeatFrame({ epoch: 45, databaseMs: 1_795_305_900_123.25 }).toString()).toBe(
    'event: heartbeat\ndata: {"epoch":45,"time":1795305900123.25}\n\n',
  )
  expect(resetFrame.toString()).toBe('event: reset\ndata: {}\n\n')
  expect(retryFrame(250).toString()).toBe('retry: 250\n\n')
})

describe('a position', () => {
  test('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat({ max: Number.MAX_SAFE_INTEGER }), (anyShard, epoch) => {
        expect(parsePosition(formatPosition({ shard: anyShard, epoch }))).toEqual({ shard: anyShard, epoch })
      }),
    )
  })

  test.each([
    '',
    '7',
    shard,
    `${shard}.`,
    `${shard}.-1`,
    `${shard}.1.5`,
    `${shard}.01`,
    `${shard}.1e3`,
    `${shard}.9999999999999999`,
    ` ${shard}.1`,
    `${shard}.1\n`,
    `${shard.toUpperCase()}.1`,
  ])('is nothing else: %j', text => expect(parsePosition(text)).toBeUndefined())
})
