// What connectors that open a connection of their own have in common: which address they may go to, by what TLS, and what it
// means when they may not.

import { isIP } from 'node:net'
import { OutboundRefusal, type ResolveOutbound } from '#apps/outbound/outbound.ts'
import { ConnectorFailure } from '#core/connector/connector.ts'
import { mayReach } from '#core/outbound/address-rules.ts'

export interface Doors {
  readonly resolve: ResolveOutbound
  /** Since the epoch, on the database's clock. */
  readonly nowSeconds: () => number
}

export interface Server {
  readonly host: string
  readonly port: number
  readonly tls: 'verify' | 'off'
  readonly ca_pem?: string | undefined
}

/** The address to connect to; tls: undefined where the connector says off. Throws OutboundRefusal, ConnectorFailure. */
export async function reach(resolve: ResolveOutbound, { host, port, tls, ca_pem: ca }: Server) {
  const { address } = await resolve(host, port)
  if (tls === 'off' && mayReach(address, { allowed: [] }))
    throw new ConnectorFailure('address_refused', `${host} is a public address, and the connector says tls: off`)
  // The certificate of a server that is registered by its address must name that.
  return { address, tls: tls === 'verify' ? { ...(isIP(host) === 0 && { servername: host }), ...(ca && { ca }) } : undefined }
}

/** What has its meaning already; undefined: it comes from the connection, which each kind reads in its own way. */
export function knownFailure(error: unknown): ConnectorFailure | undefined {
  if (error instanceof ConnectorFailure) return error
  return error instanceof OutboundRefusal ? new ConnectorFailure('address_refused', error.message, error) : undefined
}
