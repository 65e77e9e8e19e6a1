// Signing in with a browser (RFC 9700 § 2.1): authorization code with PKCE, state and nonce, all three in a cookie of this very
// browser, so that a code that somebody else was given opens nothing here. The address that providers send back to is each
// tenant's own and comes from configuration. Whatever fails leads back to the page that was left, with one word for it.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as openid from 'openid-client'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import { consoleClientOf } from '#core/operators/sign-in/console-client.ts'
import { openConsoleSession } from '#core/operators/sign-in/console-session.ts'
import { createSignInLookUps } from '#core/operators/sign-in/find-provider.ts'
import { verifyIdToken } from '#core/operators/sign-in/verify-id-token.ts'
import type { Tenant } from '#core/registry/tenant.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'
import type { ConsoleDeps } from './console-deps.ts'
import { createSignInCookies, type PendingSignIn, setSession } from './cookies.ts'
import { ProviderClients, type TenantProvider } from './provider-clients.ts'

/** What pages tell people about: that they went back, waited too long, are not let in, or that the provider cannot be asked. */
type Failure = 'cancelled' | 'expired' | 'refused' | 'unavailable'

/** Pages of ours, and nothing that could be read as another address. */
const returnPath = /^\/(?:claim|console(?:\/[A-Za-z0-9_-]{1,80}){0,4})$/

const schema = { hide: true } as const

interface SlugRoute {
  Params: { slug?: string }
}
type SignInRequest = FastifyRequest<SlugRoute>

/** Registers the two routes below a prefix. */
export function signInRoutes(deps: ConsoleDeps): (app: FastifyInstance, prefix: string) => void {
  const way = openWay(deps)
  const admit = async (request: FastifyRequest) => deps.rejections.admit(deps.addressOf(request.raw), () => false)
  const options = { schema, onRequest: admit }
  return (app, prefix) => {
    app.get<SlugRoute>(`${prefix}/console/sign-in`, options, (request, reply) => begin(way, request, reply))
    app.get<SlugRoute>(`${prefix}/console/callback`, options, (request, reply) => finish(way, request, reply))
  }
}

/** What both routes have at hand. */
type Way = ReturnType<typeof openWay>

function openWay(deps: ConsoleDeps) {
  const { claims } = deps
  const { findProvider } = createSignInLookUps(deps.db)
  return {
    deps,
    cookies: createSignInCookies(deps.secret),
    clients: new ProviderClients({ https: deps.https, keyEncryption: claims.keyEncryption, dbOf: claims.dbOf }),
    /** A provider of another tenant is none. */
    async findOwn(id: string | undefined, { id: tenantId }: Tenant): Promise<TenantProvider | undefined> {
      const row = id === undefined ? undefined : await findProvider(id)
      return row?.tenant_id === tenantId ? (row as TenantProvider) : undefined
    },
    /** Back to the page, with one word for it; why is for the log. */
    fail(request: FastifyRequest, reply: FastifyReply, { tenant, page }: Place, [failure, why]: [Failure, unknown]) {
      deps.rejections.count(tenant.id, deps.addressOf(request.raw), `console_sign_in_${failure}`)
      request.server.logger.info({ request: request.id, reason: reasonOf(why), failure }, 'sign-in did not succeed')
      return redirect(reply, `${page}?sign_in=${failure}`)
    },
  }
}

/** The page that was left for signing in. */
interface Place {
  readonly tenant: Tenant
  readonly page: string
}

async function begin({ deps, cookies, clients, findOwn, fail }: Way, request: SignInRequest, reply: FastifyReply) {
  const { tenant } = await resolveTenant(deps.directory, request.params.slug)
  const { provider, return_to, prompt } = request.query as Readonly<Record<string, unknown>>
  const path = typeof return_to === 'string' && returnPath.test(return_to) ? return_to : '/console'
  const place = { tenant, page: `${tenant.issuer}${path}` }
  const row = await findOwn(typeof provider === 'string' ? parseId('signInProvider', provider) : undefined, tenant)
  if (!row) return fail(request, reply, place, ['refused', 'no such provider of this tenant'])
  try {
    const config = await clients.get(row)
    const { url, checks } = await authorizationUrl(config, row, tenant, prompt === 'login')
    const pending = { tenantId: tenant.id, providerId: row.id, returnTo: path, ...checks }
    return redirect(reply, url, [cookies.set(pending, deps.clock.nowMs())])
  } catch (error) {
    return fail(request, reply, place, ['unavailable', error])
  }
}

async function finish({ deps, cookies, clients, findOwn, fail }: Way, request: SignInRequest, reply: FastifyReply) {
  const { tenant } = await resolveTenant(deps.directory, request.params.slug)
  const pending = cookies.read(request.headers, deps.clock.nowMs())
  reply.header('set-cookie', cookies.clear)
  const place = { tenant, page: `${tenant.issuer}${pending?.tenantId === tenant.id ? pending.returnTo : '/console'}` }
  if (pending?.tenantId !== tenant.id)
    return fail(request, reply, place, ['expired', 'no sign-in of this browser is under way here'])
  const row = await findOwn(pending.providerId, tenant)
  if (!row) return fail(request, reply, place, ['refused', 'the provider is gone'])
  try {
    const back = new URL(`${tenant.issuer}/console/callback?${request.raw.url!.split('?', 2)[1] ?? ''}`)
    const token = await redeem(await clients.get(row), back, pending)
    const { secret, ttlSeconds } = await openSession(deps, row, token, pending.nonce)
    return redirect(reply, place.page, [setSession(secret, ttlSeconds)])
  } catch (error) {
    return fail(request, reply, place, [failureOf(error), error])
  }
}

async function openSession({ claims, clock, jwks }: ConsoleDeps, row: TenantProvider, token: string, nonce: string) {
  const nowMs = clock.nowMs()
  const verified = await verifyIdToken(consoleClientOf(row), jwks, { token, nonce }, nowMs)
  if (!verified.ok) throw new BrokerError('sign_in_refused', { detail: verified.reason })
  return openConsoleSession(claims.dbOf(row.tenant_id), row, verified.idToken, nowMs)
}

const redirectUri = ({ issuer }: Tenant): string => `${issuer}/console/callback`

/** anew: the provider asks who is there, also when somebody is signed in with it (OpenID Connect Core § 3.1.2.1). */
async function authorizationUrl(config: openid.Configuration, row: TenantProvider, tenant: Tenant, anew: boolean) {
  const verifier = openid.randomPKCECodeVerifier()
  const [state, nonce] = [openid.randomState(), openid.randomNonce()]
  const { config: settings } = consoleClientOf(row)
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri(tenant),
    scope: settings.scopes.join(' '),
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(anew && { prompt: 'login' }),
  })
  if (url.protocol !== 'https:') throw new BrokerError('internal', { detail: 'the authorization endpoint is not https' })
  return { url: url.href, checks: { state, nonce, verifier } }
}

async function redeem(config: openid.Configuration, back: URL, { verifier, state, nonce }: PendingSignIn): Promise<string> {
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const { id_token: token } = await openid.authorizationCodeGrant(config, back, checks)
  if (token === undefined) throw new BrokerError('sign_in_refused', { detail: 'the provider gave no ID token' })
  return token
}

function redirect(reply: FastifyReply, url: string, setCookies: readonly string[] = []): FastifyReply {
  for (const cookie of setCookies) reply.header('set-cookie', cookie)
  return reply.code(303).header('location', url).send()
}

function failureOf(error: unknown): Failure {
  if (error instanceof openid.AuthorizationResponseError) return error.error === 'access_denied' ? 'cancelled' : 'refused'
  if (error instanceof openid.ResponseBodyError) return 'refused'
  if (error instanceof BrokerError) return error.code === 'sign_in_refused' ? 'refused' : 'unavailable'
  // A state that is not this browser's, an ID token that does not fit; anything else is the way to the provider.
  return error instanceof openid.ClientError && error.code !== undefined && /^OAUTH_/.test(error.code) ? 'refused' : 'unavailable'
}

/** For the log; never codes or tokens, which stand in no message of these. */
function reasonOf(error: unknown): string {
  if (typeof error === 'string') return error
  if (error instanceof BrokerError) return error.detail ?? error.code
  if (error instanceof openid.ResponseBodyError || error instanceof openid.AuthorizationResponseError) return error.error
  return error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'
}
