// The door of what an agent may do with its own account: each route behind it is called with a token for the issuer, and gets
// the account that calls. Routes of other themes hang here too (`account-routes.ts`).

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type AccountAuthentication, type AccountCaller, authenticateAccount } from '#core/issuer-token/authenticate-account.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Peers } from '../../tls/peers.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'

export interface AccountDoorDeps {
  readonly authentication: AccountAuthentication
  readonly directory: TenantDirectory
  readonly peers: Peers
  readonly publicUrl: string
  readonly mtlsUrl: string
}

/** The account that calls, as it was when the request came. */
export type CallerOf = (request: unknown) => AccountCaller

/** Authenticates every route that is registered in `app` from now on, before its body is read. */
export function guardAccountRoutes(app: FastifyInstance, deps: AccountDoorDeps): CallerOf {
  const callers = new WeakMap<object, AccountCaller>()
  app.addHook<{ Params: { slug?: string } }>('onRequest', async request => {
    callers.set(request, await authenticate(deps, request))
  })
  return request => {
    const caller = callers.get(request as object)
    if (!caller) throw new BrokerError('internal', { detail: "an account's request was not authenticated" })
    return caller
  }
}

async function authenticate(
  { authentication, directory, peers, publicUrl, mtlsUrl }: AccountDoorDeps,
  request: FastifyRequest<{ Params: { slug?: string } }>,
): Promise<AccountCaller> {
  const snapshot = await resolveTenant(directory, request.params.slug)
  const { raw, method } = request
  const path = raw.url!.split('?', 1)[0]!
  const { authorization, dpop } = raw.headers
  return authenticateAccount(authentication, {
    snapshot,
    method,
    urls: [`${publicUrl}${path}`, `${mtlsUrl}${path}`],
    authorization,
    dpop: dpop === undefined ? undefined : String(dpop),
    certificate: peers.certificateOf(raw),
    address: peers.addressOf(raw),
  })
}
