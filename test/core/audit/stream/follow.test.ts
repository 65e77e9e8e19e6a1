import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFilter } from '#core/audit/stream/filter.ts'
import { followLog } from '#core/audit/stream/follow.ts'
import { LogPages } from '#core/audit/stream/log-pages.ts'
import { composeMessage, type MessageStart } from '#core/audit/stream/message.ts'
import type { LogEntry } from '#db/log/read-entries.ts'

const mine = '00000000-0000-4000-8000-000000000001'
const other = '00000000-0000-4000-8000-000000000002'

/** A log in memory; isMine: whose each entry is. */
function logOf(isMine: readonly boolean[]) {
  let size = isMine.length
  let reads = 0
  const entries: LogEntry[] = isMine.map((own, position) => ({
    position,
    leaf: JSON.stringify({ id: `e${position}`, time: position, type: 'token.issued', tenant: own ? mine : other, v: 1 }),
    body: '{}',
  }))
  const pages = new LogPages({
    readHead: async () => ({ shard: 's', size }),
    readRange: async (from, to) => {
      reads += 1
      return entries.slice(from, to)
    },
    pollMs: 1,
  })
  return {
    pages,
    entries,
    reads: () => reads,
    cutTo(count: number) {
      size = count
    },
  }
}

async function follow(log: ReturnType<typeof logOf>, after: number) {
  const lines: { position: number; after: number; id?: string }[] = []
  const wanted = createFilter(mine, {})
  await followLog(
    { pages: log.pages, nowMs: () => 0, writeCursor: (shard, position) => `${shard}.${position}` },
    {
      ...{ after, shard: 's', wanted, follow: false, leaf: false, heartbeatMs: 1_000, signal: new AbortController().signal },
      write: async text => {
        for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line))
      },
    },
  )
  return lines
}

describe('who follows the log', () => {
  test('from whatever line on, gets each entry that is wanted once, in order, and each line names the one before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 700 }), fc.nat(), async (isMine, at) => {
        const log = logOf(isMine)
        const whole = await follow(log, -1)
        const cut = whole[at % whole.length]!.position
        const lines = [...whole.filter(({ position }) => position <= cut), ...(await follow(log, cut))]
        expect(lines.filter(({ id }) => id !== undefined).map(({ position }) => position)).toEqual(
          isMine.flatMap((own, position) => (own ? [position] : [])),
        )
        for (const [index, line] of whole.entries()) expect(line.after).toBe(index === 0 ? -1 : whole[index - 1]!.position)
      }),
      { numRuns: 40 },
    )
  })

  test('is told nothing rather than a log with a hole', async () => {
    const log = logOf([true, true, true])
    log.entries.splice(1, 1)
    await expect(follow(log, -1)).rejects.toThrow('entries between')
  })

  test('is told when it is another log now', async () => {
    const options = { after: -1, shard: 'earlier', wanted: () => true, follow: true, leaf: false, heartbeatMs: 1_000 }
    const { pages } = logOf([true])
    const ended = followLog(
      { pages, nowMs: () => 0, writeCursor: () => '' },
      { ...options, signal: new AbortController().signal, write: async () => {} },
    )
    expect(await ended).toBe('restored')
  })

  test('rests where nothing fits: whoever waits for a timer meanwhile is heard before the end of the log', async () => {
    const log = logOf(Array(256 * 40).fill(false))
    let heard = false
    setTimeout(() => {
      heard = true
    }, 1)
    await follow(log, -1)
    expect(heard).toBe(true)
  })

  test('beside others costs one read of each page', async () => {
    const log = logOf(Array(256).fill(true))
    await Promise.all(Array.from({ length: 20 }, () => follow(log, -1)))
    expect(log.reads()).toBe(1)
  })
})

describe('messages to a webhook', () => {
  const startAt = (position: number, upto: number | null = null): MessageStart => ({
    ...{ webhookId: 'w', tenantId: mine, subscription: { begin: 'start', leaf: false }, position, told: position, upto },
  })

  test('hold each entry that is wanted once, in order, whatever lies between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 900 }), async isMine => {
        const log = logOf(isMine)
        const told: number[] = []
        let position = 0
        while (position < isMine.length) {
          const { upto, sent } = await composeMessage(log.pages, startAt(position), { shard: 's', size: isMine.length })
          expect(upto).toBeGreaterThan(position)
          if (sent) told.push(...JSON.parse(sent.body).data.entries.map((entry: { position: number }) => entry.position))
          position = upto
        }
        expect(told).toEqual(isMine.flatMap((own, at) => (own ? [at] : [])))
      }),
      { numRuns: 40 },
    )
  })

  test('are the same when they are made again, though the log has grown', async () => {
    const log = logOf(Array(400).fill(true))
    log.cutTo(30)
    const first = await composeMessage(log.pages, startAt(10), { shard: 's', size: 30 })
    const again = await composeMessage(log.pages, startAt(10, first.upto), { shard: 's', size: 400 })
    expect(again).toEqual(first)
  })
})
