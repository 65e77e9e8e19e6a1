import { Type } from 'typebox'
import { changeClientSecret } from '#core/operators/sign-in/client-secret.ts'
import { principalOf, rowsOf, tenantOf } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, IdParams, operatorSecurity, problems } from './schemas.ts'

const Body = Type.Object(
  {
    client_secret: Type.String({
      minLength: 16,
      maxLength: 1024,
      pattern: '^[\\x20-\\x7e]+$',
      description: 'What the provider knows the console by. Stored sealed, never shown.',
    }),
  },
  { ...closed, examples: [{ client_secret: 'as the provider gave it' }] },
)

const path = '/v1/sign-in-providers/:id/client-secret'
const base = { tags: ['sign-in provider'], security: operatorSecurity, params: IdParams('signInProvider') }

/** For providers that take a browser's client with a secret only. A route of its own: what waits for a second person is kept in clear. */
export function clientSecretRoutes(app: V1App, deps: V1Deps): void {
  const change = (request: Parameters<typeof principalOf>[0], id: string, secret: string | undefined) => {
    const which = { actor: principalOf(request), tenantId: tenantOf(request), id: uuidOf('signInProvider', id) }
    const nowMs = deps.clock.nowMs()
    return rowsOf(deps.db, request)
      .transaction()
      .execute(trx => changeClientSecret(trx, deps.keyEncryption, { ...which, nowMs }, secret))
  }
  app.put(
    path,
    {
      schema: {
        ...base,
        summary: "Set the secret of the console's client",
        body: Body,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await change(request, request.params.id, request.body.client_secret)
      return reply.code(204).send(null)
    },
  )
  app.delete(
    path,
    { schema: { ...base, summary: "Forget the secret of the console's client", response: { 204: Type.Null(), ...problems } } },
    async (request, reply) => {
      await change(request, request.params.id, undefined)
      return reply.code(204).send(null)
    },
  )
}
