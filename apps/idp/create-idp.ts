// A small OpenID provider on oidc-provider for those who have none yet: people sign in by picking a name, workloads get
// tokens for the asking. TLS always. See `development-only.ts` for where it may run.

import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Middleware } from 'koa'
import Provider, { type ClientMetadata } from 'oidc-provider'
import { isLoopback, refuseUnsafeSurroundings } from './development-only.ts'
import type { IdpKeys } from './idp-keys.ts'
import { defaultPeople, type Person } from './people.ts'
import { providerConfiguration } from './provider-configuration.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { createWorkloadTokenMinter } from './workload-token.ts'
import { type WorkloadTokenRequest, workloadTokenRoute } from './workload-token-route.ts'

export interface IdpOptions {
  /** Signs ID tokens and workload tokens; kept by the caller. */
  keys: IdpKeys
  /** PEM texts. */
  tls: { cert: string; key: string }
  /** Whether this process runs in production mode; then nothing starts. */
  production: boolean
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: a free one. */
  port?: number
  /** Default `https://localhost:<port>`; no path. */
  issuer?: string
  /** See `development-only.ts`. */
  allowContainerNetwork?: boolean
  /** OAuth clients for human sign-in, e.g. the console. */
  clients?: ClientMetadata[]
  people?: readonly Person[]
  /** Milliseconds since the epoch, for workload tokens. */
  nowMs?: () => number
}

export interface Idp {
  /** Known once it listens. */
  readonly issuer: string
  /** Binds; returns the issuer. Throws when the provider must not run here, or the port is taken. */
  listen(): Promise<string>
  /** Stops taking connections and ends those that are open. */
  close(): Promise<void>
  /** A workload token of this issuer. */
  mint(request: WorkloadTokenRequest): string
}

/** The provider, not yet listening. */
export function createIdp(options: IdpOptions): Idp {
  const host = options.host ?? '127.0.0.1'
  const allowContainerNetwork = options.allowContainerNetwork ?? false
  const server = createServer({ cert: options.tls.cert, key: options.tls.key, minVersion: 'TLSv1.2' })
  const minter = createWorkloadTokenMinter(options.keys)
  let issuer: string | undefined

  const getIssuer = (): string => {
    if (issuer === undefined) throw new Error('The provider does not listen yet, so its issuer is not known.')
    return issuer
  }
  const mint = (request: WorkloadTokenRequest): string =>
    minter({ ...request, issuer: getIssuer(), nowSeconds: Math.floor((options.nowMs ?? Date.now)() / 1000) })

  return {
    get issuer() {
      return getIssuer()
    },
    async listen() {
      refuseUnsafeSurroundings({ production: options.production, host, allowContainerNetwork })
      server.listen(options.port ?? 0, host)
      await once(server, 'listening')
      issuer = options.issuer ?? `https://localhost:${(server.address() as AddressInfo).port}`
      const people = options.people ?? defaultPeople
      const provider = new Provider(issuer, providerConfiguration({ keys: options.keys, clients: options.clients ?? [], people }))
      provider.use(onlyForHost(new URL(issuer).host))
      provider.use(workloadTokenRoute({ mint, mayAsk: address => allowContainerNetwork || isLoopback(address) }))
      provider.use(signInRoutes(provider, people))
      server.on('request', provider.callback())
      return issuer
    },
    close: () => close(server),
    mint,
  }
}

/** Refuses other Host headers: a page whose name was rebound to loopback (DNS rebinding) gets nothing. */
function onlyForHost(host: string): Middleware {
  return async (ctx, next) => {
    if (ctx.host === host) return next()
    ctx.status = 421
    ctx.body = { error: 'invalid_request', error_description: `This provider answers as ${host} only.` }
  }
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
