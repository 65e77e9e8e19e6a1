import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createProgress } from '#apps/standalone/progress.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function terminal(isTTY: boolean) {
  let text = ''
  return {
    isTTY,
    write(more: string) {
      text += more
    },
    text: () => text,
  }
}

const lasting = (ms: number) => () => new Promise<string>(resolve => setTimeout(() => resolve('done'), ms))

test('says nothing of what takes less than a second', async () => {
  const out = terminal(false)
  const work = createProgress({ terminal: out })('Quick', lasting(900))
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await work).toBe('done')
  expect(out.text()).toBe('')
})

test('tells what takes longer, again while it lasts, and how long it took', async () => {
  const out = terminal(false)
  const work = createProgress({ terminal: out })('Slow', lasting(7_000))
  await vi.advanceTimersByTimeAsync(8_000)
  await work
  expect(
    out
      .text()
      .trim()
      .split('\n')
      .map(line => line.replace(/\([\d.]+ s\)/, '(…)')),
  ).toEqual(['… Slow (…)', '… Slow (…)', '✓ Slow (…)'])
})

test('marks what failed and passes the failure on', async () => {
  const out = terminal(false)
  const work = createProgress({ terminal: out })('Slow', async () => {
    await lasting(2_000)()
    throw new Error('no')
  })
  const failed = expect(work).rejects.toThrow('no')
  await vi.advanceTimersByTimeAsync(3_000)
  await failed
  expect(out.text()).toContain('✗ Slow')
})

test('leaves a terminal clean where the caller tells of it itself', async () => {
  const out = terminal(true)
  const work = createProgress({ terminal: out, keep: false })('Slow', lasting(2_000))
  await vi.advanceTimersByTimeAsync(3_000)
  await work
  expect(out.text().endsWith('\r\x1b[K')).toBe(true)
  expect(out.text()).not.toContain('✓')
})
