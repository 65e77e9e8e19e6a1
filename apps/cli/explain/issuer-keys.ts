// The published keys of an issuer, from its metadata or from where a trust source says that they are.

import { rootCertificates } from 'node:tls'
import type { JSONWebKeySet } from 'jose'
import { createManagementClient, MayflyError } from '../../../packages/client/src/index.ts'

/** An issuer that somebody trusts, and how to reach it. */
export interface TrustedIssuer {
  readonly issuer: string
  /** Where its keys are; undefined: its metadata says. */
  readonly jwksUri?: string | undefined
  /** An authority that may vouch for it, beside the public ones. */
  readonly caPem?: string | undefined
  /** Who says that it is to be trusted, for people. */
  readonly because: string
}

/** Throws an Error whose message is for people, without a full stop. */
export async function fetchIssuerKeys(trusted: TrustedIssuer, signal: AbortSignal): Promise<JSONWebKeySet> {
  const address = trusted.jwksUri ?? (await findJwksUri(trusted, signal))
  const keys = await get(address, trusted, signal)
  if (!Array.isArray(keys?.['keys'])) throw new Error('there is no key set')
  return keys as unknown as JSONWebKeySet
}

async function findJwksUri(trusted: TrustedIssuer, signal: AbortSignal): Promise<string> {
  const { origin, pathname } = new URL(trusted.issuer)
  const path = pathname.replace(/\/$/, '')
  // RFC 8414 § 3.1 puts the well-known part before the path, OpenID Discovery § 4 after it.
  const places = [`${origin}/.well-known/oauth-authorization-server${path}`, `${origin}${path}/.well-known/openid-configuration`]
  for (const place of places) {
    const metadata = await get(place, trusted, signal)
    const address = metadata?.['issuer'] === trusted.issuer ? metadata['jwks_uri'] : undefined
    if (typeof address === 'string') return address
  }
  throw new Error('it has no metadata in its name')
}

/** A JSON object, or undefined where there is none. */
async function get(address: string, { caPem }: TrustedIssuer, signal: AbortSignal) {
  const { origin, pathname, searchParams } = new URL(address)
  const ca = caPem === undefined ? {} : { ca: [...rootCertificates, caPem] }
  const client = createManagementClient({ url: origin, timeoutMs: 5000, ...ca })
  try {
    const { status, body } = await client.request({
      method: 'GET',
      path: pathname,
      query: Object.fromEntries(searchParams),
      signal,
    })
    return status === 200 ? body : undefined
  } catch (error) {
    throw error instanceof MayflyError ? new Error(error.description) : error
  } finally {
    await client.close()
  }
}
