// What is special about routers that cut paths, and about middleware that may stand in any order.

import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mayfly } from '../../src/adapters/express.ts'
import { createGuard, type Reason } from '../../src/index.ts'
import { flights, issuer, jwks, resource } from '../issuer.ts'
import { type Call, call, guardOptions, newWorld, tokenFor, type World } from './world.ts'

let world: World
const open: Server[] = []
beforeAll(async () => {
  world = await newWorld()
})
afterAll(() => {
  for (const server of open) server.close()
})

async function serve(app: Express): Promise<(path: string, more?: Partial<Call>, change?: object) => ReturnType<typeof call>> {
  const server = createServer(world.tls, app)
  open.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return (path, more, change) => call(port, world, { path, as: world.agent, token: tokenFor(world.agent, change), ...more })
}

const options = (): ReturnType<typeof guardOptions> => guardOptions([])

test('judges the path that will be routed, not the one that was rewritten before', async () => {
  const app = express()
  app.use((request, _, next) => {
    request.url = request.url.replace('/v1/flights/', '/v1/admin/')
    next()
  })
  app.use('/v1', mayfly(options()))
  app.get('/v1/admin/:id', (_, response) => void response.json({ admin: true }))
  const send = await serve(app)
  expect((await send('/v1/flights/42')).status).toBe(403)
})

test('judges `/v1` and `/v1/` on a mount path as what was sent', async () => {
  const app = express()
  const guard = mayfly(options())
  app.use('/v1', guard, (_, response) => void response.json({ root: true }))
  const send = await serve(app)
  const root = { authorization_details: [{ ...flights, uri_template: '/' }] }
  expect((await send('/v1/', {}, root)).status).toBe(200)
  expect((await send('/v1', {}, root)).status).toBe(403)
})

test('a target in absolute form is judged by its path', async () => {
  const app = express()
  app.use('/v1', mayfly(options()))
  app.get('/v1/flights/:id', (_, response) => void response.json({ ok: true }))
  app.get('/v1/admin', (_, response) => void response.json({ admin: true }))
  const send = await serve(app)
  expect((await send('https://other.example/v1/flights/42')).status).toBe(200)
  expect((await send('https://other.example/v1/admin')).status).toBe(403)
})

test.each(['%61dmin', '%2561dmin', ';admin', "'admin"])(
  'a host that ends in %s, which Express takes for the first part of the path, opens no other path',
  async rest => {
    const app = express()
    app.use(mayfly(options()))
    app.use((request, response) => void response.json({ served: request.path }))
    const send = await serve(app)
    expect(await send(`http://host${rest}/v1/flights/42`)).toMatchObject({
      status: 403,
      text: expect.not.stringContaining('served'),
    })
  },
)

test('refuses a digest that it cannot check because the body was parsed before', async () => {
  const reasons: Reason[] = []
  const app = express()
  app.use(express.json(), mayfly(guardOptions(reasons)))
  app.post('/v1/payments', (request, response) => void response.json(request.body))
  const send = await serve(app)
  const digest = '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M'
  const payments = { ...flights, methods: ['POST'], uri_template: '/payments', content_digest: digest }
  const answer = await send('/v1/payments', { method: 'POST', body: '{"amount":"10.00"}' }, { authorization_details: [payments] })
  expect([answer.status, reasons.at(-1)]).toEqual([403, 'body_digest_mismatch'])
})

test('says so when a request is judged twice, since a token may count once only', async () => {
  const guard = mayfly(options())
  const app = express()
  app.use(guard)
  app.get('/v1/flights/:id', guard.route({}), (_, response) => void response.json({ ok: true }))
  app.use((error: Error, _: express.Request, response: express.Response, next: express.NextFunction) => {
    if (!error) next()
    response.status(500).json({ message: error.message })
  })
  const answer = await (await serve(app))('/v1/flights/42')
  expect(answer).toMatchObject({ status: 500, body: { message: expect.stringContaining('judged by this guard before') } })
})

test('closes the guard that it made, and leaves one that it was handed', async () => {
  let closed = 0
  const made = createGuard({ issuer, resource, jwks, isRevoked: () => false })
  const guard = {
    ...made,
    metadata: made.metadata,
    metadataUrl: made.metadataUrl,
    verify: made.verify.bind(made),
    holds: made.holds.bind(made),
    close: async () => void closed++,
  } as typeof made
  await mayfly({ guard }).close()
  expect(closed).toBe(0)
  await expect(mayfly(options()).close()).resolves.toBeUndefined()
})

test('a logger that throws changes nothing for the caller', async () => {
  const app = express()
  app.use(
    mayfly({
      ...options(),
      onRefused: () => {
        throw new Error('no log')
      },
    }),
  )
  expect((await (await serve(app))('/v1/elsewhere')).status).toBe(403)
})
