// The queue of decisions that wait for the broker.

import { expect, test } from 'vitest'
import { type Decision, DecisionReporter } from '../src/broker/decision-reporter.ts'

const decision = { time: 0, outcome: 'allow', reason: 'granted' } as const

test('decisions wait in a bounded queue while the broker is away, and keep their key when repeated', async () => {
  const keys: string[] = []
  let status = 503
  const reporter = new DecisionReporter(
    async (_, key) => {
      keys.push(key)
      if (status === 0) throw new Error('away')
      return status
    },
    { intervalMs: 60_000, maxBatch: 2, maxQueue: 3 },
  )
  for (let i = 0; i < 5; i += 1) reporter.add(decision)
  await reporter.flush()
  status = 0
  await reporter.flush()
  expect(reporter).toMatchObject({ pending: 3, dropped: 2, reported: 0 })
  expect(new Set(keys).size).toBe(1)
  status = 200
  await reporter.flush()
  expect(reporter).toMatchObject({ pending: 0, dropped: 2, reported: 3 })
})
test('decisions of one name are one entry, with their number, their units and the last time; until they are sent', async () => {
  const sent: Decision[] = []
  const reporter = new DecisionReporter(
    async decisions => {
      sent.push(...decisions)
      return 202
    },
    { intervalMs: 60_000 },
  )
  const note = (name: string, time: number, units?: number) =>
    reporter.addNamed('token', name, time, units, () => ({ ...decision, time, path_hash: name }))
  note('a', 1, 5)
  note('b', 2)
  note('a', 3, 7)
  note('a', 4)
  note('a', 5, 999_999_999)
  await reporter.flush()
  note('a', 6)
  await reporter.flush()
  expect(sent.map(({ path_hash, time, count, units }) => [path_hash, time, count, units])).toEqual([
    ['a', 4, 3, 12],
    ['b', 2, undefined, undefined],
    ['a', 5, undefined, 999_999_999],
    ['a', 6, undefined, undefined],
  ])
})
test('decisions that the broker calls wrong are dropped and counted, and what is left at close too', async () => {
  let status = 422
  const reporter = new DecisionReporter(async () => status, { intervalMs: 60_000 })
  reporter.add(decision)
  await reporter.flush()
  expect(reporter).toMatchObject({ pending: 0, dropped: 1 })
  status = 503
  reporter.add(decision)
  await reporter.close()
  expect(reporter).toMatchObject({ pending: 0, dropped: 2, reported: 0 })
})
test('what comes while a batch is sent waits for the next interval: one request after the other makes no stream of batches', async () => {
  let batches = 0
  const reporter: DecisionReporter = new DecisionReporter(
    async () => {
      batches += 1
      if (batches < 100) reporter.addNamed('token', 'a', 0, undefined, () => decision)
      return 202
    },
    { intervalMs: 20 },
  )
  reporter.addNamed('token', 'a', 0, undefined, () => decision)
  const began = performance.now()
  await expect.poll(() => batches, { interval: 5 }).toBeGreaterThanOrEqual(3)
  expect(performance.now() - began).toBeGreaterThan(2 * 20)
  await reporter.close()
})
test('a flush while a batch is under way sends what came after that too', async () => {
  const sent: Decision[] = []
  let go = () => {}
  const reporter = new DecisionReporter(
    async decisions => {
      sent.push(...decisions)
      if (sent.length === 1) await new Promise<void>(resolve => (go = resolve))
      return 202
    },
    { intervalMs: 60_000 },
  )
  reporter.add(decision)
  const first = reporter.flush()
  await expect.poll(() => sent.length).toBe(1)
  reporter.add(decision)
  const second = reporter.close()
  go()
  await Promise.all([first, second])
  expect(reporter).toMatchObject({ pending: 0, dropped: 0, reported: 2 })
})
