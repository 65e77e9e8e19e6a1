// The same resource on every framework: flights by method and path, payments by the digest of their body, orders by the row
// that the route names. Each author's own lines are those that a reader of the README would write.

import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express, { Router } from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { mayfly as expressGuard } from '../../src/adapters/express.ts'
import { mayfly as fastifyGuard } from '../../src/adapters/fastify.ts'
import { mayfly as honoGuard } from '../../src/adapters/hono.ts'
import { mayfly as nodeGuard, peerThumbprint } from '../../src/adapters/node.ts'
import { mayfly as webGuard } from '../../src/adapters/web.ts'
import type { Reason } from '../../src/index.ts'
import { guardOptions, type World } from './world.ts'

export interface Running {
  readonly port: number
  /** Reasons of the guard's refusals. */
  readonly reasons: Reason[]
  close(): Promise<void>
}

export type StartServer = (world: World) => Promise<Running>

const row = (id: unknown) => ({ type: 'agent_row', action: 'read', identifier: `orders/${id}` }) as const

async function listen(server: Server, reasons: Reason[]): Promise<Running> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  return { port: (server.address() as AddressInfo).port, reasons, close }
}

async function fastify({ tls }: World): Promise<Running> {
  const reasons: Reason[] = []
  const app = Fastify({ https: tls })
  await app.register(fastifyGuard, guardOptions(reasons))
  app.get('/v1/flights/:id', request => ({ id: (request.params as { id: string }).id, task: request.mayfly?.token.task_id }))
  app.post('/v1/payments', request => request.body)
  const operation = (request: { params: unknown }) => row((request.params as { id: string }).id)
  app.get('/v1/orders/:id', { config: { mayfly: { operation } } }, request => request.params)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { port: (app.server.address() as AddressInfo).port, reasons, close: () => app.close() }
}

function expressAt(mount: '/' | '/v1' | 'router'): StartServer {
  return ({ tls }) => {
    const reasons: Reason[] = []
    const guard = expressGuard(guardOptions(reasons))
    const app = express()
    app.get('/v1/orders/:id', guard.route({ operation: request => row(request.params['id']) }), (request, response) => {
      response.json(request.params)
    })
    if (mount !== '/') app.use(guard.metadata)
    const routes = Router()
    const below = mount === '/' ? '/v1' : ''
    if (mount === 'router') routes.use(guard)
    else app.use(mount, guard)
    routes.get(`${below}/flights/:id`, (request, response) => {
      response.json({ id: request.params.id, task: request.mayfly?.token.task_id })
    })
    routes.post(`${below}/payments`, express.json(), (request, response) => void response.json(request.body))
    app.use(mount === '/' ? '/' : '/v1', routes)
    return listen(createServer(tls, app), reasons)
  }
}

async function node({ tls }: World): Promise<Running> {
  const reasons: Reason[] = []
  const guard = nodeGuard(guardOptions(reasons))
  const orders = guard.route({ operation: ({ url }) => row(url?.slice('/v1/orders/'.length)) })
  const flights = guard.protect(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const answer = { id: request.url?.split('/').at(-1), task: request.mayfly?.token.task_id }
    response.end(request.method === 'POST' ? Buffer.concat(chunks) : JSON.stringify(answer))
  })
  const server = createServer(tls, (request, response) =>
    request.url?.startsWith('/v1/orders/') ? orders(request, response, () => response.end('{}')) : flights(request, response),
  )
  return listen(server, reasons)
}

async function hono({ tls }: World): Promise<Running> {
  const reasons: Reason[] = []
  const guard = honoGuard(guardOptions(reasons))
  const app = new Hono()
  app.get('/v1/orders/:id', guard.route({ operation: c => row(c.req.param('id')) }), c => c.json({ id: c.req.param('id') }))
  app.use(guard)
  app.get('/v1/flights/:id', c => c.json({ id: c.req.param('id'), task: c.get('mayfly').token.task_id }))
  app.post('/v1/payments', async c => c.json(await c.req.json()))
  return listen(createServer(tls, getRequestListener(app.fetch)), reasons)
}

async function web({ tls }: World): Promise<Running> {
  const reasons: Reason[] = []
  type Incoming = { incoming: { socket: unknown } }
  const guard = webGuard<[Incoming]>({
    ...guardOptions(reasons),
    certificate: (_, { incoming }) => peerThumbprint(incoming.socket),
  })
  const flights = guard.protect(async (request, { token }) =>
    request.method === 'POST'
      ? new Response(await request.text())
      : Response.json({ id: request.url.split('/').at(-1), task: token.task_id }),
  )
  const orders = guard.protect(() => Response.json({}), { operation: ({ url }) => row(url.split('/').at(-1)) })
  const serve = (request: Request, env: unknown) =>
    request.url.includes('/v1/orders/') ? orders(request, env as Incoming) : flights(request, env as Incoming)
  return listen(createServer(tls, getRequestListener(serve)), reasons)
}

export const servers: readonly (readonly [name: string, start: StartServer])[] = [
  ['Fastify', fastify],
  ['Express', expressAt('/')],
  ['Express, mounted on a path', expressAt('/v1')],
  ['Express, in a router', expressAt('router')],
  ['Node', node],
  ['Hono', hono],
  ['fetch handlers', web],
]
