import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openEventStream } from '#apps/broker/routes/feed/event-stream.ts'
import type { FeedSink } from '#core/feed/feed-stream.ts'

test('what a reader does not take is counted, and a reader that is cut off is gone', async () => {
  const opened = Promise.withResolvers<FeedSink>()
  const server = createServer((_request, response) => opened.resolve(openEventStream(response)))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  let isGone = false
  let resume = (): void => {}
  const request = get(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, response => {
    response.pause().once('close', () => {
      isGone = true
    })
    response.on('error', () => {})
    resume = () => void response.resume()
  })
  request.on('error', () => {})
  const sink = await opened.promise
  const chunk = Buffer.alloc(256 * 1024, 'x')
  // The system's own buffers take some of it.
  for (let count = 0; count < 400 && sink.unsentBytes() <= 1024 * 1024; count++) {
    sink.write(chunk)
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(sink.unsentBytes()).toBeGreaterThan(1024 * 1024)
  sink.cut()
  resume()
  await expect.poll(() => isGone).toBe(true)
  await new Promise(resolve => server.close(resolve))
})
