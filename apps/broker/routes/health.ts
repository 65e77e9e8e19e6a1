import type { FastifyPluginCallback } from 'fastify'
import { readiness } from '#apps/process/readiness.ts'

export interface HealthRouteDeps {
  /** Why this node should get no traffic; empty when it is ready. */
  readonly faults: () => string[]
}

const paths = ['/livez', '/readyz']
export const isHealthRoute = (url: string | undefined): boolean => url !== undefined && paths.includes(url)

/** /livez: the process answers. /readyz: it can also decide and log. What is wrong is said in words, without details of a caller. */
export const healthRoutes: FastifyPluginCallback<HealthRouteDeps> = (app, { faults }, done) => {
  app.get('/livez', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ live: true }),
  )
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const { status, body } = readiness(faults())
    return reply.code(status).header('cache-control', 'no-store').send(body)
  })
  done()
}
