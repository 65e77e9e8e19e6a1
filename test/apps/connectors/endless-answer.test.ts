import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { postgresConnector } from '#apps/connectors/postgres.ts'
import { redisConnector } from '#apps/connectors/redis.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { targetOf } from './target.ts'

const resolve = createOutbound({ allowed: everythingInside, ownStores: [] })
const nowSeconds = () => Date.now() / 1000
const block = Buffer.alloc(256 * 1024, 'x')
let server: Server | undefined
afterEach(() => server?.close())

/** A server that greets whoever comes, and then sends without end. */
async function endless(greet: Buffer, begin: Buffer): Promise<{ port: number; sent: () => number }> {
  let sent = 0
  const pour = (socket: Socket): void => {
    while (!socket.destroyed && socket.write(block)) sent += block.length
    socket.once('drain', () => pour(socket))
  }
  server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(greet)
      socket.write(begin)
      pour(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, sent: () => sent }
}

const step = (config: object) =>
  targetOf({
    config: { host: '127.0.0.1', tls: 'off', ...config },
    admin: { password: 'p' },
    signal: AbortSignal.timeout(60_000),
  })

test('a PostgreSQL that answers without end is left before it fills the memory', async () => {
  // Authentication is done, ready; then a message of 2 GiB.
  const greet = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
  const { port, sent } = await endless(greet, Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff]))
  const config = { port, database: 'd', user: 'u', auth: 'password', connection_limit: 1, member_of: [] }
  const failed = postgresConnector(resolve, nowSeconds).lock(step(config))
  await expect(failed).rejects.toMatchObject({
    name: 'ConnectorFailure',
    reason: 'failed',
    message: expect.stringContaining('bytes'),
  })
  expect(sent()).toBeLessThan(256 * 1024 * 1024)
})

test('a Redis that answers without end is left before it fills the memory', async () => {
  const { port, sent } = await endless(Buffer.from('+OK\r\n'), Buffer.from(`$${512 * 1024 * 1024}\r\n`))
  const failed = redisConnector(resolve, nowSeconds).lock(step({ port, user: 'u' }))
  await expect(failed).rejects.toMatchObject({
    name: 'ConnectorFailure',
    reason: 'failed',
    message: expect.stringContaining('bytes'),
  })
  expect(sent()).toBeLessThan(480 * 1024 * 1024)
})
