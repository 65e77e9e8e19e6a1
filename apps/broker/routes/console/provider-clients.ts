// Mayfly as a sign-in provider knows it in a browser: its own client id there, a secret where the provider wants one. What is
// asked of a provider goes through the same door as everything else that somebody registered (attack 26).

import { LRUCache } from 'lru-cache'
import * as openid from 'openid-client'
import type { HttpsClient } from '#apps/outbound/https.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { openClientSecret } from '#core/operators/sign-in/client-secret.ts'
import { consoleClientOf } from '#core/operators/sign-in/console-client.ts'
import { toSignInProvider } from '#core/operators/sign-in/provider.ts'
import type { Db } from '#db/connect.ts'
import type { SignInProviderRow } from '#db/operators/sign-in-providers.ts'

const maxBytes = 256 * 1024
const keptMs = 10 * 60_000

export interface ProviderClientDeps {
  readonly https: HttpsClient
  readonly keyEncryption: KeyEncryption
  readonly dbOf: (tenantId: string) => Db
}

export type TenantProvider = SignInProviderRow & { readonly tenant_id: string }

/** Discovered once in ten minutes, anew when the registration changes. A failure is not kept. */
export class ProviderClients {
  readonly #deps: ProviderClientDeps
  readonly #known = new LRUCache<string, Promise<openid.Configuration>>({ max: 200, ttl: keptMs })

  constructor(deps: ProviderClientDeps) {
    this.#deps = deps
  }

  get(row: TenantProvider): Promise<openid.Configuration> {
    const name = `${row.id} ${row.updated_at.getTime()}`
    const known = this.#known.get(name)
    if (known) return known
    const made = this.#discover(row)
    this.#known.set(name, made)
    made.catch(() => this.#known.delete(name))
    return made
  }

  async #discover(row: TenantProvider): Promise<openid.Configuration> {
    const { caPem } = toSignInProvider(row)
    const { clientId } = consoleClientOf(row)
    const secret = await openClientSecret(this.#deps.dbOf(row.tenant_id), this.#deps.keyEncryption, row)
    const config = await openid.discovery(new URL(row.issuer), clientId, undefined, openid.None(), {
      [openid.customFetch]: this.#fetchBy(caPem),
    })
    if (secret === undefined) return config
    const methods = config.serverMetadata().token_endpoint_auth_methods_supported
    // OpenID Connect Discovery § 3: left out, it is client_secret_basic.
    const authentication =
      methods && !methods.includes('client_secret_basic') ? openid.ClientSecretPost(secret) : openid.ClientSecretBasic(secret)
    const withSecret = new openid.Configuration(config.serverMetadata(), clientId, undefined, authentication)
    withSecret[openid.customFetch] = this.#fetchBy(caPem)
    return withSecret
  }

  #fetchBy(caPem: string | undefined): openid.CustomFetch {
    return async (url, { method, headers, body }) => {
      const sent = body === undefined || body === null ? {} : { body: String(body) }
      const call = { url, caPem, method: method === 'POST' ? 'POST' : 'GET', headers, maxBytes, ...sent } as const
      const answer = await this.#deps.https.call(call)
      // The door passes no headers on. All that is asked of a provider here is JSON, and is parsed as nothing else.
      return new Response(new Uint8Array(answer.body), { status: answer.status, headers: { 'content-type': 'application/json' } })
    }
  }
}
