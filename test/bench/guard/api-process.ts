// The API that is measured, a process of its own: the same route bare, behind a guard that follows the feed, and behind one
// whose tokens count once. Told over IPC what to guard, it answers with its port; asked for `cpu`, with what it has used.

import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { mayfly } from '../../../packages/guard/src/adapters/fastify.ts'
import { createGuard, type Guard } from '../../../packages/guard/src/index.ts'

/** What the API is told. Certificates and keys are PEM. */
export interface ApiSetup {
  readonly issuer: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly pop: { readonly uri: string; readonly secret: string }
  readonly once: { readonly uri: string; readonly secret: string }
}

const order = { id: 42, item: 'A lamp', total: '49.00 EUR', state: 'paid' }

async function start({ issuer, ca, cert, key, pop, once }: ApiSetup): Promise<FastifyInstance> {
  const guardOf = (resource: string, secret: string, replay: 'pop' | 'once', mountPath: string): Guard =>
    createGuard({ issuer, resource, credential: secret, replay: [replay], mountPath, tls: { ca } })
  const guards = [guardOf(pop.uri, pop.secret, 'pop', '/pop'), guardOf(once.uri, once.secret, 'once', '/once')] as const
  const https = { cert, key, ca, requestCert: true, rejectUnauthorized: false }
  const app = Fastify({ https, logger: false }) as unknown as FastifyInstance
  app.get('/bare/orders/:id', async () => order)
  await app.register(async scope => {
    await scope.register(mayfly, { guard: guards[0], serveMetadata: false })
    scope.get('/pop/orders/:id', async () => order)
  })
  await app.register(async scope => {
    await scope.register(mayfly, { guard: guards[1], serveMetadata: false })
    scope.post('/once/payments', async () => order)
  })
  await Promise.all(guards.map(guard => guard.ready()))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app
}

process.on('message', async (message: ApiSetup | 'cpu') => {
  if (message === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send!({ cpuSeconds: (user + system) / 1e6 })
    return
  }
  const app = await start(message)
  process.send!({ port: (app.server.address() as AddressInfo).port })
})
