// Finding the token endpoint from the issuer's name alone (RFC 8414), and the one for clients with a certificate (RFC 8705 § 5).

import type { Agent } from 'undici'
import { send } from './broker-connection.ts'
import { MayflyError } from './mayfly-error.ts'

/** The RFC 8414 § 3.1 address of an issuer's metadata: the well-known part goes between host and path. */
export function metadataUrl(issuer: string): string {
  const url = new URL(issuer)
  const path = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '')
  return `${url.origin}/.well-known/oauth-authorization-server${path}`
}

/** What discovery needs. */
export interface DiscoveryOptions {
  readonly issuer: string
  /** Use the endpoint that asks for certificates, where the issuer has one. */
  readonly preferMtls: boolean
  readonly dispatcher: Agent
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** The token endpoint of an issuer. Throws a MayflyError where the metadata cannot be had or names another issuer (RFC 8414 § 3.3). */
export async function discoverTokenEndpoint(options: DiscoveryOptions): Promise<string> {
  const { issuer, preferMtls, dispatcher, timeoutMs, signal } = options
  const answer = await send(
    metadataUrl(issuer),
    { method: 'GET', headers: { accept: 'application/json' }, signal },
    dispatcher,
    timeoutMs,
  )
  const { status, body, retryAfterSeconds } = answer
  const fail = (description: string) => new MayflyError({ error: 'invalid_metadata', description, status, retryAfterSeconds })
  if (status !== 200 || !body) throw fail(`the issuer's metadata cannot be read (status ${status})`)
  if (body['issuer'] !== issuer) throw fail('the metadata is of another issuer')
  const aliases = body['mtls_endpoint_aliases']
  const alias =
    preferMtls && typeof aliases === 'object' && aliases !== null && 'token_endpoint' in aliases
      ? aliases.token_endpoint
      : undefined
  const endpoint = alias ?? body['token_endpoint']
  if (typeof endpoint !== 'string' || !endpoint.startsWith('https://')) throw fail('the metadata names no https token_endpoint')
  return endpoint
}
