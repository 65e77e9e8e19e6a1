import { describe, expect, test, vi } from 'vitest'
import { DeadlineHints } from '#core/reaper/deadline-hints.ts'

const turn = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

describe('deadline hints', () => {
  test('tell each second once, however many accounts end in it, and those of one turn together', async () => {
    const announce = vi.fn(async (_: readonly number[]) => {})
    const hints = new DeadlineHints({ announce })
    for (let i = 0; i < 1_000; i++) hints.note(100 + i / 1_000)
    hints.note(200)
    await turn()
    expect(announce.mock.calls).toEqual([[[100, 101, 200]]])
    hints.note(100.5)
    hints.note(300)
    await turn()
    expect(announce.mock.calls.slice(1)).toEqual([[[300]]])
  })

  test('say nothing of accounts without an end', async () => {
    const announce = vi.fn(async () => {})
    const hints = new DeadlineHints({ announce })
    hints.note(null)
    hints.note(Number.POSITIVE_INFINITY)
    await turn()
    expect(announce).not.toHaveBeenCalled()
  })

  test('leave a queue that fails alone, then go on; whoever notes never sees the failure', async () => {
    let fails = true
    const announce = vi.fn(async () => {
      if (fails) throw new Error('READONLY')
    })
    const hints = new DeadlineHints({ announce, pauseMs: 20 })
    hints.note(1)
    await turn()
    for (let i = 2; i < 50; i++) hints.note(i)
    await turn()
    expect(announce).toHaveBeenCalledTimes(1)
    fails = false
    await vi.waitFor(() => expect(announce).toHaveBeenCalledTimes(2))
    hints.note(1)
    await vi.waitFor(() => expect(announce).toHaveBeenLastCalledWith([1]))
  })

  test('remember and keep no more than they may while the queue hangs', async () => {
    const told: number[] = []
    let release = (): void => {}
    const hung = new Promise<void>(resolve => {
      release = resolve
    })
    const announce = (seconds: readonly number[]): Promise<void> => {
      told.push(...seconds)
      return hung
    }
    const hints = new DeadlineHints({ announce, most: 10 })
    hints.note(0)
    await turn()
    for (let i = 1; i < 1_000; i++) hints.note(i)
    release()
    await vi.waitFor(() => expect(told).toHaveLength(11))
  })
})
