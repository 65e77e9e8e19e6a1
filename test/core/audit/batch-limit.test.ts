import { expect, test } from 'vitest'
import { BatchLimit } from '#core/audit/batch-limit.ts'

test('is half of the crowd, between its bounds', () => {
  const limit = new BatchLimit(32, 512)
  expect(limit.events).toBe(32)
  limit.learn(96)
  expect(limit.events).toBe(48)
  limit.learn(5_000)
  expect(limit.events).toBe(512)
})

test('stays while the crowd comes and goes, and falls when it is gone', () => {
  const limit = new BatchLimit(32, 512)
  limit.learn(400)
  for (let commit = 0; commit < 10; commit++) limit.learn(1)
  expect(limit.events).toBeGreaterThan(180)
  for (let commit = 0; commit < 1_000; commit++) limit.learn(1)
  expect(limit.events).toBe(32)
})

test('never asks for more than the most, also where that is less than the least', () => {
  expect(new BatchLimit(32, 8).events).toBe(8)
})
