import * as client from 'openid-client'
import { fetch as undiciFetch } from 'undici'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

/** The only thing about openid-client that is not its default: how connections are made. */
export const fetchWith = ({ https }: BrokerInUse, certificate?: IssuedCertificate): client.CustomFetch =>
  ((url: string, options: object) =>
    undiciFetch(url, { ...options, dispatcher: https.dispatcher(certificate) } as never)) as unknown as client.CustomFetch

export interface Discovering {
  /** Default: the broker's own tenant. */
  readonly issuer?: string
  readonly clientId: string
  readonly authentication: client.ClientAuth
  readonly certificate?: IssuedCertificate | undefined
}

/** What the issuer's metadata says of it; with a certificate, by the endpoints for mutual TLS (RFC 8705 § 5). */
export async function discover(broker: BrokerInUse, asked: Discovering): Promise<client.Configuration> {
  const { issuer = broker.running.issuer, clientId, authentication, certificate } = asked
  const metadata = { use_mtls_endpoint_aliases: certificate !== undefined }
  const config = await client.discovery(new URL(issuer), clientId, metadata, authentication, {
    algorithm: 'oauth2',
    [client.customFetch]: fetchWith(broker, certificate),
  })
  config[client.customFetch] = fetchWith(broker, certificate)
  return config
}
