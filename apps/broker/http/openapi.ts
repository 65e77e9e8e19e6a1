import { createRequire } from 'node:module'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }

const bearer = (description: string) => ({ type: 'http', scheme: 'bearer', description }) as const

const description = `Management of a Mayfly deployment. Errors are RFC 9457 problems; docs/errors.md lists their types.
Lists are read page by page with the opaque \`cursor\`. POST requests may carry an \`Idempotency-Key\`.
OAuth endpoints are described by each tenant's RFC 8414 metadata.`

/** Collects the schemas of all routes that are registered after it, and serves them at /openapi.json (OpenAPI 3.1). */
export async function registerOpenApi(app: FastifyInstance, baseUrl: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Mayfly', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as never },
      servers: [{ url: baseUrl }],
      components: {
        securitySchemes: {
          operator: bearer("An operator token, mfo_…, or a session's, mfs_…"),
          resource: bearer("A resource's credential, mfr_…"),
          receiver: bearer("A receiver's credential, mfe_…, for security events."),
          account: bearer(
            'A token for the issuer itself with scope account; one bound to a DPoP key is sent as DPoP, with its proof',
          ),
          bootstrap: bearer('The bootstrap token, mfb_…, once.'),
        },
      },
    },
  })
  let text: string | undefined
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(app.swagger())
    return reply.type('application/json').header('cache-control', 'public, max-age=300').send(text)
  })
}
