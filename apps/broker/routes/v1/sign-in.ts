// Signing in. The client (command line, console) walks through the provider's own pages and comes here with the ID token.

import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { type OperatorRole, operatorRoles } from '#core/operators/principal.ts'
import { createSignInLookUps, type SignInLookUps } from '#core/operators/sign-in/find-provider.ts'
import { openSession } from '#core/operators/sign-in/open-session.ts'
import { toSignInProvider } from '#core/operators/sign-in/provider.ts'
import { verifyIdToken } from '#core/operators/sign-in/verify-id-token.ts'
import type { SignInOffer } from '#db/operators/sign-in-providers.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, problems, Slug, TenantOrNone, Time } from './schemas.ts'

const Offer = Type.Object(
  {
    id: Id('signInProvider'),
    name: Type.String(),
    tenant: Type.Union([Slug, Type.Null()], { description: "null: the deployment's own, for platform-admins." }),
    issuer: Type.String(),
    client_id: Type.String(),
    scopes: Type.Array(Type.String()),
    ca_pem: Type.Optional(Type.String({ description: "What the provider's HTTPS certificate comes from, where no public CA." })),
  },
  closed,
)
const SignIn = Type.Object(
  {
    provider: Id('signInProvider'),
    id_token: Type.String({ minLength: 1, maxLength: 16_384, description: 'Good for one session.' }),
    nonce: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'The one that the client made for this sign-in. Left out where the ID token holds none: the device grant.',
      }),
    ),
  },
  { ...closed, examples: [{ provider: `idp_${'0'.repeat(32)}`, id_token: 'eyJ…', nonce: 'n-0S6_WzA2Mj' }] },
)
const Session = Type.Object(
  {
    id: Id('credential'),
    token: Type.String({ description: '`mfs_…`; shown this once.' }),
    expires_at: Time,
    operator: Type.Object(
      {
        issuer: Type.String(),
        subject: Type.String(),
        name: Type.Union([Type.String(), Type.Null()]),
        role: Type.Enum([...operatorRoles]),
        tenant: TenantOrNone,
      },
      closed,
    ),
  },
  closed,
)

const tags = ['session']

/** For people who have no credential yet. */
export function signInRoutes(app: V1App, deps: V1Deps): void {
  const lookUps = createSignInLookUps(deps.db)
  registerSignIn(app, deps, lookUps)
  registerOffers(app, lookUps)
}

function registerOffers(app: V1App, lookUps: SignInLookUps): void {
  app.get(
    '/v1/sign-in',
    {
      schema: {
        tags,
        summary: "Where to sign in: a tenant's providers; without a slug the first tenant's, then the deployment's",
        security: [],
        querystring: Type.Object({ tenant: Type.Optional(Slug) }, closed),
        response: { 200: Type.Object({ providers: Type.Array(Offer) }, closed), ...problems },
      },
    },
    async request => {
      const offers = await lookUps.findOffers(request.query.tenant)
      if (!offers) throw new BrokerError('not_found', { hint: 'There is no such tenant.' })
      return { providers: offers.map(showOffer) }
    },
  )
}

function showOffer({ tenant, row }: SignInOffer) {
  const { config, caPem } = toSignInProvider(row)
  return {
    id: formatId('signInProvider', row.id),
    name: row.name,
    tenant: tenant ?? null,
    issuer: row.issuer,
    client_id: row.client_id,
    scopes: [...config.scopes],
    ...(caPem !== undefined && { ca_pem: caPem }),
  }
}

function registerSignIn(app: V1App, deps: V1Deps, lookUps: SignInLookUps): void {
  app.post(
    '/v1/sessions',
    {
      bodyLimit: 32 * 1024,
      schema: {
        tags,
        summary: 'Open a session with an ID token of a sign-in provider',
        security: [],
        body: SignIn,
        response: { 201: Session, ...problems },
      },
      // A stranger that has failed too often is turned away before its body is read.
      onRequest: async request => deps.rejections.admit(deps.addressOf(request.raw), () => false),
    },
    async (request, reply) => {
      const { secret, row, person } = await signIn(deps, lookUps, request, request.body)
      const { issuer, subject, name } = person
      const tenant = row.tenant_id === null ? null : formatId('tenant', row.tenant_id)
      reply.code(201).header('cache-control', 'no-store')
      return {
        id: formatId('credential', row.id),
        token: secret,
        expires_at: row.expires_at.toISOString(),
        operator: { issuer, subject, name, role: row.role as OperatorRole, tenant },
      }
    },
  )
}

async function signIn(
  deps: V1Deps,
  lookUps: SignInLookUps,
  request: FastifyRequest,
  input: { readonly provider: string; readonly id_token: string; readonly nonce?: string },
) {
  const address = deps.addressOf(request.raw)
  const refuse = (reason: string, tenantId: string | null | undefined) => {
    deps.rejections.count(tenantId ?? undefined, address, `sign_in_${reason}`)
    return new BrokerError('sign_in_refused', { detail: `sign-in: ${reason}` })
  }
  const row = await lookUps.findProvider(uuidOf('signInProvider', input.provider))
  if (!row) throw refuse('unknown_provider', undefined)
  const nowMs = deps.clock.nowMs()
  const token = { token: input.id_token, nonce: input.nonce }
  const verified = await verifyIdToken(toSignInProvider(row), deps.jwks, token, nowMs)
  if (!verified.ok) throw refuse(verified.reason, row.tenant_id)
  try {
    return await openSession(deps.db, row, verified.idToken, nowMs)
  } catch (error) {
    // One good ID token, sent over and over, costs a signature check and a transaction each time.
    if (error instanceof BrokerError && (error.code === 'sign_in_refused' || error.code === 'no_role'))
      deps.rejections.count(row.tenant_id ?? undefined, address, `sign_in_${error.code}`)
    throw error
  }
}
