import { describe, expect, test, vi } from 'vitest'
import { HistoryWatch } from '#apps/process/history-watch.ts'
import { createLogger } from '#apps/process/logger.ts'

function watching(leaves: string[]) {
  const log = { leaves }
  const lines: string[] = []
  const onLost = vi.fn()
  const history = new HistoryWatch({
    read: async position => ({ size: log.leaves.length, last: log.leaves.at(-1) ?? null, asked: log.leaves[position] ?? null }),
    logger: createLogger('test', 'info', line => lines.push(line)),
    onLost,
    everyMs: 0,
  })
  /** As the log commits a batch of one. */
  const commit = (leaf: string) =>
    history.watched(
      async () => log.leaves.push(leaf) - 1,
      at => ({ firstPosition: BigInt(at), leaves: 1 }),
    )
  return { log, history, lines, onLost, commit }
}

describe('a process that runs', () => {
  test('serves on while the log grows', async () => {
    const { history, commit, onLost } = watching([])
    await history.start()
    for (const leaf of ['a', 'b', 'c']) {
      await commit(leaf)
      await history.look()
    }
    history.check()
    expect(history.faults()).toEqual([])
    expect(onLost).not.toHaveBeenCalled()
  })

  test.each([
    ['is shorter', ['a']],
    ['is empty', []],
    ['has another entry where its last one was', ['a', 'x', 'c', 'd', 'e', 'f']],
    ['has another last entry', ['a', 'x']],
  ])('stops for good where the log %s, and says what to do', async (_, after) => {
    const { log, history, lines, onLost } = watching(['a', 'b'])
    await history.start()
    log.leaves = [...after]
    await history.look()
    expect(() => history.check()).toThrow(expect.objectContaining({ code: 'log_unavailable' }))
    expect(history.faults()).toEqual([expect.stringContaining('went backwards')])
    expect(lines.join()).toContain('node deploy/restore.ts begin --again')
    log.leaves = ['a', 'b', 'c']
    await history.look()
    expect(() => history.check()).toThrow()
    expect(onLost).toHaveBeenCalledTimes(1)
  })

  test('gives nobody what was committed behind an earlier end of the log, before it has looked', async () => {
    const { log, history, commit } = watching(['a', 'b'])
    await history.start()
    await commit('c')
    log.leaves = ['a', 'b']
    await expect(commit('d')).rejects.toMatchObject({ code: 'log_unavailable' })
    await expect(commit('e')).rejects.toMatchObject({ code: 'log_unavailable' })
    expect(log.leaves).toEqual(['a', 'b', 'd'])
  })

  test('takes an answer that comes late for no step back: others have committed since it was sent', async () => {
    const { history, commit } = watching(['a'])
    await history.start()
    const late = Promise.withResolvers<number>()
    const waiting = history.watched(
      () => late.promise,
      at => ({ firstPosition: BigInt(at), leaves: 1 }),
    )
    await commit('b')
    await history.look()
    late.resolve(1)
    await waiting
    expect(history.faults()).toEqual([])
  })

  test('goes on where the database cannot be asked for a while', async () => {
    const read = vi.fn().mockResolvedValueOnce({ size: 1, last: 'a', asked: 'a' }).mockRejectedValueOnce(new Error('away'))
    const history = new HistoryWatch({ read, logger: createLogger('test', 'silent'), everyMs: 0 })
    await history.start()
    await expect(history.look()).rejects.toThrow('away')
    history.check()
  })
})
