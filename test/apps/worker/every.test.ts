import { expect, test, vi } from 'vitest'
import { every } from '#apps/worker/every.ts'

test('never begins a round while one is under way, and ends behind it', async () => {
  let [running, most, finished] = [0, 0, 0]
  let release = (): void => {}
  const rounds = every(1, async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise<void>(resolve => {
      release = resolve
    })
    running -= 1
    finished += 1
  })
  for (let n = 1; n <= 3; n++) {
    await vi.waitFor(() => expect(running).toBe(1))
    release()
    await vi.waitFor(() => expect(finished).toBe(n))
  }
  await vi.waitFor(() => expect(running).toBe(1))
  const closed = rounds.close()
  release()
  await closed
  expect([running, most, finished]).toEqual([0, 1, 4])
})
