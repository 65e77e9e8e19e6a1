// Two doors to one application. The public one never asks for a client certificate, so browsers are not prompted; the mTLS
// one asks, and lets through whoever has none or a bad one, since what a certificate is worth is decided for each tenant.

import { constants } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { SecureContextOptions } from 'node:tls'

export interface ServerCredentials {
  readonly certPem: string
  readonly keyPem: string
}

/** Attack row 25: a slow sender is cut off, whatever it sends slowly. */
export const serverLimits = {
  requestTimeout: 15_000,
  headersTimeout: 10_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 1_000,
} as const

/** A peer that does not finish the handshake is no request yet, and has a limit of its own. */
const handshakeTimeout = 10_000

/** Without renegotiation (TLS 1.2) a connection has one handshake, and the certificate read from it stays its peer's. */
const tlsOptions = ({ certPem, keyPem }: ServerCredentials): SecureContextOptions => ({
  cert: certPem,
  key: keyPem,
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
})

export function publicServerOptions(credentials: ServerCredentials): ServerOptions {
  return { ...serverLimits, handshakeTimeout, ...tlsOptions(credentials) }
}

/**
 * The listener knows no authorities: in the handshake a client is asked for any certificate, proves that it holds the key, and
 * learns nothing of whose authorities are registered. (`ca: []`; without it Node would load the public ones.) A resumed
 * session would show a certificate whose key was proven in an earlier handshake only, so there are none.
 */
export function createMtlsServer(
  credentials: ServerCredentials,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = {
    ...serverLimits,
    handshakeTimeout,
    ...tlsOptions(credentials),
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    ca: [],
    requestCert: true,
    rejectUnauthorized: false,
  }
  return createServer(options, handler)
}
