import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withinDeadline } from '#apps/broker/http/deadline.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

const later = <Value>(ms: number, value: Value): Promise<Value> => new Promise(resolve => setTimeout(() => resolve(value), ms))

describe('the deadline of a call', () => {
  test('gives what came in time, and keeps no timer', async () => {
    const answer = withinDeadline(later(900, 'token'))
    await vi.advanceTimersByTimeAsync(900)
    await expect(answer).resolves.toBe('token')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('passes a refusal on as it is, and keeps no timer', async () => {
    await expect(withinDeadline(Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('refuses for now, before a second is over, however many steps each kept its own limit', async () => {
    const steps = async () => `${await later(800, 'read')} ${await later(800, 'committed')}`
    const settled = vi.fn()
    const answer = withinDeadline(steps()).catch(settled)
    await vi.advanceTimersByTimeAsync(999)
    await answer
    expect(settled.mock.calls[0]![0]).toMatchObject({ code: 'log_unavailable', retryAfterSeconds: 1 })
  })

  test('lets what fails too late fail unheard', async () => {
    const late = later(2_000, 0).then(() => Promise.reject(new Error('late')))
    const answer = withinDeadline(late).catch(error => error.code)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(await answer).toBe('log_unavailable')
  })
})
