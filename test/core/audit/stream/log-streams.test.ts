import { describe, expect, test } from 'vitest'
import { LogPages } from '#core/audit/stream/log-pages.ts'
import { LogStreams } from '#core/audit/stream/log-streams.ts'

const pages = new LogPages({ readHead: async () => ({ shard: 's', size: 0 }), readRange: async () => [], pollMs: 1 })
const streamsOf = (live: () => readonly string[] = () => ['c']) =>
  new LogStreams({
    ...{ pages, nowMs: () => 0, readPositionAt: async () => 0, maxStreams: 3, maxOfTenant: 2 },
    findLiveCredentials: async () => new Set(live()),
  })
const reader = (tenantId: string | null) => ({ credentialId: 'c', tenantId })
const run = { after: -1, shard: 's', wanted: () => true, follow: true, leaf: false, write: async () => {} }

describe('those who follow the log at a broker', () => {
  test('are only so many, and only so many of one tenant', () => {
    const streams = streamsOf()
    const first = streams.admit(reader('a'))
    streams.admit(reader('a'))
    expect(() => streams.admit(reader('a'))).toThrow(expect.objectContaining({ code: 'overloaded' }))
    streams.admit(reader('b'))
    expect(() => streams.admit(reader(null))).toThrow(expect.objectContaining({ code: 'overloaded' }))
    first.free()
    streams.admit(reader(null))
    expect(streams.openStreams).toBe(3)
    streams.close()
  })

  test('of a few tenants cannot take the places of all others', () => {
    const streams = new LogStreams({
      ...{ pages, nowMs: () => 0, readPositionAt: async () => 0, findLiveCredentials: async () => new Set(['c']) },
      ...{ maxStreams: 64, maxOfTenant: 16 },
    })
    const fill = (tenant: string): number => {
      for (let count = 0; ; count++) {
        try {
          streams.admit(reader(tenant))
        } catch {
          return count
        }
      }
    }
    expect(['a', 'b', 'c', 'd', 'e'].map(fill)).toEqual([16, 16, 11, 8, 5])
    for (const tenantId of ['f', 'g', null]) streams.admit(reader(tenantId))
    streams.close()
  })

  test('are sent away when their credential has ended, and when the broker closes', async () => {
    let live = ['c']
    const streams = streamsOf(() => live)
    const running = streams.admit(reader('a')).run(run, () => '')
    await streams.dropEnded()
    live = []
    await streams.dropEnded()
    expect(await running).toMatchObject({ why: 'credential_ended', position: 0, entries: 0 })
    const other = streams.admit(reader('b')).run(run, () => '')
    streams.close()
    expect((await other).why).toBe('closing')
    expect(() => streams.admit(reader('b'))).toThrow(expect.objectContaining({ code: 'overloaded' }))
  })

  test('whose log cannot be read end as failed', async () => {
    const broken = new LogPages({ readHead: () => Promise.reject(new Error('gone')), readRange: async () => [] })
    const streams = new LogStreams({
      ...{ pages: broken, nowMs: () => 0, readPositionAt: async () => 0 },
      findLiveCredentials: async ids => new Set(ids),
    })
    expect(await streams.admit(reader('a')).run(run, () => '')).toMatchObject({ why: 'failed', error: new Error('gone') })
    streams.close()
  })
})
