// Finding the issuer's keys from its name alone (RFC 8414).

import { isRecord } from '../token/strict-json.ts'
import type { BrokerConnection } from './broker-connection.ts'

/** The RFC 8414 § 3.1 address of an issuer's metadata: the well-known part goes between host and path. */
function metadataUrl(issuer: string): string {
  const url = new URL(issuer)
  const path = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '')
  return `${url.origin}/.well-known/oauth-authorization-server${path}`
}

/** Reads the issuer's JWK set. Throws where the metadata names another issuer (RFC 8414 § 3.3). */
export async function loadIssuerKeys(connection: BrokerConnection, issuer: string): Promise<unknown> {
  const metadata = await connection.read(metadataUrl(issuer))
  if (!isRecord(metadata) || metadata['issuer'] !== issuer) throw new Error('the metadata is of another issuer')
  if (typeof metadata['jwks_uri'] !== 'string') throw new Error('the metadata names no jwks_uri')
  return await connection.read(metadata['jwks_uri'])
}
