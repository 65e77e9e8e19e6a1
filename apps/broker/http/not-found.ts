import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'

/**
 * Tells a path that nobody serves (404) from one that is served by other methods (405 with `Allow`, RFC 9110 § 15.5.6). Must
 * be set up before the routes.
 */
export function answerUnknownRoutes(
  app: FastifyInstance,
  answer: (error: BrokerError, request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  const served: { readonly segments: readonly string[]; readonly method: string }[] = []
  app.addHook('onRoute', route => {
    for (const method of [route.method].flat()) served.push({ segments: route.url.split('/'), method })
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!.split('/')
    const allowed = served.filter(({ segments }) => fits(segments, path)).map(({ method }) => method)
    if (allowed.length === 0) return answer(new BrokerError('not_found'), request, reply)
    reply.header('allow', [...new Set(allowed)].sort().join(', '))
    return answer(new BrokerError('method_not_allowed'), request, reply)
  })
}

const fits = (segments: readonly string[], path: readonly string[]): boolean =>
  segments.length === path.length &&
  segments.every((segment, i) => (segment.startsWith(':') ? path[i] !== '' : segment === path[i]))
