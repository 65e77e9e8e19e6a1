import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GroupCommit, type GroupCommitOptions } from '#core/audit/group-commit.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import type { AppendAnswer, AppendOutcome, AppendRequest } from '#db/log/append.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

interface Flight {
  readonly names: readonly string[]
  answer: (outcomes?: readonly AppendOutcome[]) => void
  fail: (error: Error) => void
}

/** A group commit whose batches the test commits by hand. */
function byHand(options: Partial<GroupCommitOptions> = {}) {
  const flights: Flight[] = []
  const reconnect = vi.fn()
  const clock = new DatabaseClock(
    () => performance.now(),
    () => Date.now(),
  )
  const learn = vi.spyOn(clock, 'learn')
  const log = new GroupCommit({
    commit: requests => {
      const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>()
      const names = requests.map(request => request.tenantId!)
      const all = (): AppendOutcome[] => names.map(() => 'appended')
      flights.push({
        names,
        answer: (outcomes = all()) => resolve({ databaseMs: Date.now(), firstPosition: 0n, outcomes, existing: [] }),
        fail: reject,
      })
      return promise
    },
    reconnect,
    clock,
    ...options,
  })
  return { log, flights, reconnect, learn }
}

const request = (name: string, events = 1): AppendRequest => ({
  tenantId: name,
  configEpoch: null,
  account: null,
  untilSeconds: 0,
  events: Array.from({ length: events }, () => ({ leaf: '{}', body: '{}' })),
  opening: null,
  pin: null,
  subjectKey: null,
})

const turn = () => vi.advanceTimersByTimeAsync(0)
const settle = (promise: Promise<unknown>) =>
  promise.then(
    value => value,
    (error: { code: string }) => error.code,
  )
const databaseError = (code: string): Error => Object.assign(new Error(code), { code })

describe('batches', () => {
  test('hold what came in one turn; while one is under way, the next gathers, and never two fly at once', async () => {
    const { log, flights } = byHand()
    const outcomes = [settle(log.append(request('a'))), settle(log.append(request('b')))]
    await turn()
    outcomes.push(settle(log.append(request('c'))))
    await turn()
    outcomes.push(settle(log.append(request('d'))))
    await turn()
    expect(flights.map(flight => flight.names)).toEqual([['a', 'b']])
    flights[0]!.answer()
    await turn()
    expect(flights.map(flight => flight.names)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    flights[1]!.answer()
    expect(await Promise.all(outcomes)).toEqual(['appended', 'appended', 'appended', 'appended'])
    expect(log.depth).toBe(0)
  })

  test('give each request its own outcome', async () => {
    const { log, flights } = byHand()
    const outcomes = ['a', 'b', 'c'].map(name => settle(log.append(request(name))))
    await turn()
    flights[0]!.answer(['appended', 'account_not_live', 'config_changed'])
    expect(await Promise.all(outcomes)).toEqual(['appended', 'account_not_live', 'config_changed'])
  })

  test('hold at most so many events, but a request is never cut', async () => {
    const { log, flights } = byHand({ maxBatchEvents: 4 })
    for (const [name, events] of [
      ['a', 2],
      ['b', 2],
      ['c', 1],
      ['d', 9],
      ['e', 1],
    ] as const)
      void settle(log.append(request(name, events)))
    for (let n = 0; n < 4; n++) {
      await turn()
      flights[n]!.answer()
    }
    await turn()
    expect(flights.map(flight => flight.names)).toEqual([['a', 'b'], ['c'], ['d'], ['e']])
  })

  test('teach the clock what the database’s was', async () => {
    const { log, flights, learn } = byHand()
    void log.append(request('a'))
    await turn()
    flights[0]!.answer()
    await turn()
    expect(learn).toHaveBeenCalledOnce()
  })
})

describe('limits', () => {
  test('a full queue refuses at once, and only what is beyond it', async () => {
    const { log, flights } = byHand({ maxQueued: 2 })
    const flying = settle(log.append(request('flying')))
    await turn()
    const queued = [settle(log.append(request('a'))), settle(log.append(request('b')))]
    await expect(log.append(request('c'))).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
    flights[0]!.answer()
    await turn()
    flights[1]!.answer()
    expect(await Promise.all([flying, ...queued])).toEqual(['appended', 'appended', 'appended'])
  })

  test('a commit that hangs: each request is refused within a second of its own coming', async () => {
    const { log } = byHand()
    const settled: Record<string, unknown> = {}
    const send = (name: string) => void settle(log.append(request(name))).then(value => (settled[name] = value))
    send('flying')
    await vi.advanceTimersByTimeAsync(400)
    send('queued')
    await vi.advanceTimersByTimeAsync(440)
    expect(settled).toEqual({})
    await vi.advanceTimersByTimeAsync(110)
    expect(settled).toEqual({ flying: 'log_unavailable' })
    await vi.advanceTimersByTimeAsync(400)
    expect(settled).toEqual({ flying: 'log_unavailable', queued: 'log_unavailable' })
  })

  test('what was refused while it waited is not committed later', async () => {
    const { log, flights } = byHand()
    void settle(log.append(request('flying')))
    await turn()
    const late = settle(log.append(request('late')))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await late).toBe('log_unavailable')
    flights[0]!.answer()
    await turn()
    expect(flights).toHaveLength(1)
  })
})

describe('a commit that hangs too long', () => {
  test('is given up: its connection is dropped once, and later requests succeed on the next', async () => {
    const { log, flights, reconnect } = byHand()
    void settle(log.append(request('hung')))
    await vi.advanceTimersByTimeAsync(2_450)
    expect(reconnect).not.toHaveBeenCalled()
    const next = settle(log.append(request('next')))
    await vi.advanceTimersByTimeAsync(150)
    expect(reconnect).toHaveBeenCalledOnce()
    expect(flights[1]!.names).toEqual(['next'])
    flights[1]!.answer()
    expect(await next).toBe('appended')
    const last = settle(log.append(request('last')))
    await turn()
    flights[2]!.answer()
    expect(await last).toBe('appended')
  })

  test.each([
    ['an answer', (flight: Flight) => flight.answer()],
    ['an error', (flight: Flight) => flight.fail(databaseError('57P01'))],
    ['an error that would split its batch', (flight: Flight) => flight.fail(databaseError('22023'))],
  ])('disturbs nobody when it still brings %s', async (_, come) => {
    const { log, flights, learn } = byHand()
    const hung = [settle(log.append(request('hung-1'))), settle(log.append(request('hung-2')))]
    await vi.advanceTimersByTimeAsync(2_600)
    expect(await Promise.all(hung)).toEqual(['log_unavailable', 'log_unavailable'])
    const current = settle(log.append(request('current')))
    await turn()
    const waiting = settle(log.append(request('waiting')))
    come(flights[0]!)
    await turn()
    expect(
      flights.map(flight => flight.names),
      'still one under way',
    ).toEqual([['hung-1', 'hung-2'], ['current']])
    expect(log.depth).toBe(2)
    expect(learn).not.toHaveBeenCalled()
    flights[1]!.answer(['account_not_live'])
    expect(await current).toBe('account_not_live')
    await turn()
    flights[2]!.answer()
    expect(await waiting).toBe('appended')
  })

  test('leaves no request hanging, also when the limits are set the wrong way round', async () => {
    const { log, reconnect } = byHand({ timeoutMs: 5_000, giveUpMs: 300 })
    const hung = settle(log.append(request('hung')))
    await vi.advanceTimersByTimeAsync(400)
    expect(await hung).toBe('log_unavailable')
    expect(reconnect).toHaveBeenCalledOnce()
  })
})

describe('a commit that fails', () => {
  test('refuses its whole batch when the database is the reason, and the next batch goes on', async () => {
    const { log, flights } = byHand()
    const outcomes = [settle(log.append(request('a'))), settle(log.append(request('b')))]
    await turn()
    const next = settle(log.append(request('next')))
    flights[0]!.fail(databaseError('57P01'))
    expect(await Promise.all(outcomes)).toEqual(['log_unavailable', 'log_unavailable'])
    await turn()
    flights[1]!.answer()
    expect(await next).toBe('appended')
  })

  test.each(['22023', '22P02', '23505'])(
    'over one bad request (%s) fails that request only, in order and without its neighbours',
    async code => {
      const { log, flights } = byHand()
      const names = ['a', 'b', 'bad', 'c', 'd']
      const outcomes = names.map(name => settle(log.append(request(name))))
      const sent: string[] = []
      for (let n = 0; n < flights.length || n === 0; n++) {
        await turn()
        const flight = flights[n]!
        if (flight.names.includes('bad')) flight.fail(databaseError(code))
        else {
          sent.push(...flight.names)
          flight.answer()
        }
        await turn()
      }
      expect(await Promise.all(outcomes)).toEqual(['appended', 'appended', 'internal', 'appended', 'appended'])
      expect(sent).toEqual(['a', 'b', 'c', 'd'])
    },
  )

  test('to answer for each request counts as not committed', async () => {
    const { log, flights } = byHand()
    const outcomes = [settle(log.append(request('a'))), settle(log.append(request('b')))]
    await turn()
    flights[0]!.answer(['appended'])
    expect(await Promise.all(outcomes)).toEqual(['log_unavailable', 'log_unavailable'])
  })
})

describe('close', () => {
  test('commits what is queued and refuses what is new', async () => {
    const { log, flights } = byHand()
    const flying = settle(log.append(request('flying')))
    await turn()
    const queued = settle(log.append(request('queued')))
    const closed = log.close()
    await expect(log.append(request('new'))).rejects.toMatchObject({ code: 'log_unavailable' })
    flights[0]!.answer()
    await turn()
    flights[1]!.answer()
    await vi.advanceTimersByTimeAsync(10)
    await closed
    expect(await Promise.all([flying, queued])).toEqual(['appended', 'appended'])
  })

  test('ends also while the database hangs', async () => {
    const { log } = byHand()
    const hung = settle(log.append(request('hung')))
    const closed = log.close()
    await vi.advanceTimersByTimeAsync(3_000)
    await closed
    expect(await hung).toBe('log_unavailable')
    expect(vi.getTimerCount()).toBe(0)
  })
})
