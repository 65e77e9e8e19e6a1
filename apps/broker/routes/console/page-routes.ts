// The console's pages and what they load. They are the same for everybody and change nothing: whoever opens a claim link, a
// scanner of links with GET or HEAD too, gets a page and has done nothing (attack 16). Which page it is, the page itself knows.

import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type BuiltFile, readBuiltConsole } from './built-console.ts'
import type { ConsoleDeps } from './console-deps.ts'
import { pageWithoutConsole } from './page-without-console.ts'

/** Only our own files; no script, style or frame of anybody's, and nothing inline: a name that holds markup stays text (attack 27). */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

const pageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const schema = { hide: true } as const
const method: ('GET' | 'HEAD')[] = ['GET', 'HEAD']

export const pageRoutes: FastifyPluginCallback<Pick<ConsoleDeps, 'assetsFolder' | 'publicUrl'>> = (app, deps, done) => {
  const built = readBuiltConsole(deps.assetsFolder ?? new URL('../../../console/dist', import.meta.url).pathname)
  const page = built.get('index.html') ?? pageWithoutConsole
  const headers = { ...pageHeaders, ...strictTransport(deps.publicUrl) }
  const show = async (request: FastifyRequest, reply: FastifyReply) => send(request, reply.headers(headers), page)
  for (const prefix of ['', '/t/:slug'])
    for (const url of ['/claim', '/console', '/console/accounts', '/console/accounts/:id'])
      app.route({ method, url: `${prefix}${url}`, schema, handler: show })
  assetRoutes(app, built)
  done()
}

function assetRoutes(app: FastifyInstance, built: ReadonlyMap<string, BuiltFile>): void {
  app.route<{ Params: { '*': string } }>({
    method,
    url: '/console/assets/*',
    schema,
    handler: async (request, reply) => {
      const file = built.get(`assets/${request.params['*']}`)
      if (!file) throw new BrokerError('not_found')
      reply.headers({
        'cache-control': file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
      })
      return send(request, reply, file)
    },
  })
}

function send(request: FastifyRequest, reply: FastifyReply, { type, body, gzipped }: BuiltFile): FastifyReply {
  const small = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')) ? gzipped() : undefined
  reply.type(type).header('vary', 'accept-encoding')
  if (small) reply.header('content-encoding', 'gzip')
  return reply.send(small ?? body)
}

/** RFC 6797. Not for a laptop, where other things answer under the same name without TLS. */
function strictTransport(publicUrl: string): Readonly<Record<string, string>> {
  const { hostname } = new URL(publicUrl)
  const local = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
  return local ? {} : { 'strict-transport-security': 'max-age=31536000' }
}
