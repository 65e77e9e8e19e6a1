import { afterEach, expect, test } from 'vitest'
import { BatchThread } from '#core/keys/batch-thread.ts'

/** Answers each line with itself, `slow` after a while, and dies of `die`. */
const echo = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { parentPort } from 'node:worker_threads'
  const clock = new Int32Array(new SharedArrayBuffer(4))
  parentPort.on('message', lines => {
    if (lines.includes('die')) throw new Error('died')
    if (lines.includes('slow')) Atomics.wait(clock, 0, 0, 300)
    parentPort.postMessage(lines.join('\\n'))
  })
`)}`,
)
const open = () => new BatchThread<string>(echo, jobs => [...jobs])

let thread = open()
afterEach(async () => {
  await thread.close()
  thread = open()
})

test('a thread that takes its time to die takes nothing of its successor with it, and nobody gets the line of another', async () => {
  await expect(thread.do('die')).rejects.toMatchObject({ code: 'internal' })
  // The successor is at work when the first one's end is told.
  const answers = await Promise.all([thread.do('slow one'), thread.do('slow'), thread.do('another')])
  expect(answers).toEqual(['slow one', 'slow', 'another'])
  expect(await Promise.all([thread.do('next'), thread.do('last')])).toEqual(['next', 'last'])
})

test('what was under way when it was closed is refused at once, and its answer is nobody’s', async () => {
  await thread.do('first')
  const lost = thread.do('slow')
  await new Promise(resolve => setImmediate(resolve))
  const closed = thread.close()
  const next = thread.do('next')
  await expect(lost).rejects.toMatchObject({ code: 'internal' })
  await closed
  expect(await next).toBe('next')
})
