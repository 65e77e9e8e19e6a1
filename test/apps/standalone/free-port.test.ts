import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertPortFree, findPortHolder, pickPort } from '#apps/standalone/free-port.ts'

let server: Server
let taken: number
beforeEach(async () => {
  server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  taken = typeof address === 'object' && address ? address.port : 0
})
afterEach(() => void server.close())

test('a taken port is refused with its number, its purpose and the variable that moves it', async () => {
  const check = assertPortFree({ port: taken, purpose: 'public HTTPS', variable: 'MAYFLY_PORT' })
  await expect(check).rejects.toThrow(
    new RegExp(`Port ${taken} \\(public HTTPS\\) cannot be used[\\s\\S]*set MAYFLY_PORT to a free port`),
  )
})

test.runIf(process.platform === 'linux')('the holder of a port is found', () => {
  expect(findPortHolder(taken)?.pid).toBe(process.pid)
})

test('a free port is found free and left free', async () => {
  const port = await pickPort(undefined, undefined)
  await assertPortFree({ port, purpose: 'metrics', variable: 'MAYFLY_METRICS_PORT' })
  expect(findPortHolder(port)).toBeUndefined()
  expect(await pickPort(undefined, port)).toBe(port)
})
