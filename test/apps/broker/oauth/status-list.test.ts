import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBaseApp } from '#apps/broker/http/base-app.ts'
import { statusListRoutes } from '#apps/broker/routes/oauth/status-list.ts'
import { createLogger } from '#apps/process/logger.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { ListNames } from '#core/status-list/list-names.ts'

const names = new ListNames(randomBytes(32))
const [tenantId, list] = [randomUUID(), randomUUID()]
const name = names.write(tenantId, list)
let app: FastifyInstance
let asked: string[] = []
let answer: () => Promise<string | undefined> = async () => 'a.b.c'
beforeAll(async () => {
  app = await createBaseApp({ logger: createLogger('broker', 'info', () => {}), baseUrl: 'https://broker.example' })
  const snapshot = { tenant: { id: tenantId, issuer: 'https://broker.example' } }
  await app.register(statusListRoutes, {
    directory: { resolve: async (slug?: string) => (slug === undefined ? snapshot : undefined) } as never,
    statusLists: {
      names,
      published: {
        get: (_: unknown, of: string, uri: string) => {
          asked.push(`${of} ${uri}`)
          return answer()
        },
      } as never,
    },
  })
})
afterAll(() => app.close())
const get = (url: string) => app.inject({ url })

test('a list is asked for by its own address, whatever address was used', async () => {
  asked = []
  const { statusCode, headers, body } = await get(`/status-lists/${name}`)
  expect([statusCode, body, headers['content-type']]).toEqual([200, 'a.b.c', 'application/statuslist+jwt'])
  expect(asked).toEqual([`${list} https://broker.example/status-lists/${name}`])
})

test('37: names that were made up cost no look into the database, however many come', async () => {
  asked = []
  const [id = '', mac = ''] = name.split('.')
  const forged = Array.from({ length: 100 }, () => `stl_${randomUUID().replaceAll('-', '')}.${mac}`)
  for (const wrong of [...forged, id, `${id}.`, `${name}x`, '%00', 'x'.repeat(90)])
    expect((await get(`/status-lists/${wrong}`)).statusCode).toBe(404)
  expect(asked).toEqual([])
})

test('an earlier time is not answered by the present (501), nor is a tenant that is not there', async () => {
  expect((await get(`/status-lists/${name}?time=1`)).json()).toMatchObject({ error: 'invalid_request' })
  expect((await get(`/status-lists/${name}?time=`)).statusCode).toBe(501)
  expect((await get(`/t/nobody/status-lists/${name}`)).statusCode).toBe(404)
})

test('what is not known is 503 and says when to come back; pages may read that too', async () => {
  answer = () => Promise.reject(new BrokerError('log_unavailable', { retryAfterSeconds: 1 }))
  const { statusCode, headers } = await get(`/status-lists/${name}`)
  expect([statusCode, headers['retry-after'], headers['cache-control']]).toEqual([503, '1', 'no-store'])
  expect(headers['access-control-allow-origin']).toBe('*')
})
