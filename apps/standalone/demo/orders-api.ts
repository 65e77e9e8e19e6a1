// The APIs to try a token on: a shop with two orders, behind the guard that any resource owner would use. One server, three
// protected resources, since replay mode and proof are properties of a resource.

import Fastify, { type FastifyInstance } from 'fastify'
import { type GuardPluginOptions, mayfly } from '../../../packages/guard/src/adapters/fastify.ts'
import { createGuard, type Guard, type GuardOptions } from '../../../packages/guard/src/index.ts'
import type { ResourceUris } from '../seed/registrations.ts'

export interface OrdersApiOptions {
  readonly issuer: string
  readonly uris: ResourceUris
  /** Secrets of the resources (`mfr_…`). */
  readonly credentials: Readonly<Record<keyof ResourceUris, string>>
  readonly caPem: string
  readonly agentCaPem: string
  readonly tls: { readonly certPem: string; readonly keyPem: string }
  readonly port: number
}

export interface OrdersApi {
  /** Sends the guards' reports now instead of within two seconds. */
  report(): Promise<void>
  close(): Promise<void>
}

const orders: Readonly<Record<string, object>> = {
  42: { id: 42, item: 'A lamp', total: '49.00 EUR', state: 'paid' },
  43: { id: 43, item: 'Two chairs', total: '180.00 EUR', state: 'shipped' },
}

type ById = { Params: { id: string } }

/** Listens on loopback. Client certificates are asked for, and whoever has none is answered by the guard. */
export async function startOrdersApi(options: OrdersApiOptions): Promise<OrdersApi> {
  const { certPem, keyPem } = options.tls
  const https = { cert: certPem, key: keyPem, ca: options.agentCaPem, requestCert: true, rejectUnauthorized: false }
  const app = Fastify({ https, forceCloseConnections: true, logger: false }) as unknown as FastifyInstance
  const guards = {
    orders: makeGuard(options, 'orders', { scopes: ['orders:read'] }),
    refunds: makeGuard(options, 'refunds', { replay: ['once'] }),
    status: makeGuard(options, 'status', { scopes: ['status:read'], allowBearer: true }),
  }
  await app.register(guarded(guards.orders, ordersRoutes))
  await app.register(guarded(guards.refunds, refundsRoutes))
  await app.register(guarded(guards.status, statusRoutes))
  await app.listen({ host: '127.0.0.1', port: options.port })
  const all = Object.values(guards)
  return {
    report: async () => void (await Promise.all(all.map(guard => guard.flush()))),
    async close() {
      await app.close()
      await Promise.all(all.map(guard => guard.close()))
    },
  }
}

function makeGuard(options: OrdersApiOptions, name: keyof ResourceUris, more: Partial<GuardOptions>): Guard {
  const { issuer, uris, credentials, caPem } = options
  return createGuard({ issuer, resource: uris[name], credential: credentials[name], tls: { ca: caPem }, ...more })
}

const guarded = (guard: Guard, routes: (app: FastifyInstance) => void) => async (app: FastifyInstance) => {
  await app.register(mayfly, { guard } satisfies GuardPluginOptions)
  routes(app)
}

function ordersRoutes(app: FastifyInstance): void {
  const config = { mayfly: { scope: ['orders:read'] } }
  app.get<ById>('/orders-api/orders/:id', { config }, async (request, reply) => {
    const order = orders[request.params.id]
    return order ? { ...order, asked_by: request.mayfly?.token.account_id } : reply.code(404).send({ error: 'not_found' })
  })
}

function refundsRoutes(app: FastifyInstance): void {
  app.post<ById>('/refunds-api/orders/:id/refund', async (request, reply) =>
    reply.code(orders[request.params.id] ? 201 : 404).send({ order: request.params.id, refunded: '49.00 EUR' }),
  )
}

function statusRoutes(app: FastifyInstance): void {
  app.get('/status-api/status', { config: { mayfly: { scope: ['status:read'] } } }, async () => ({ shop: 'open' }))
}
