// The peer: node-oidc-provider's client_credentials with JWT access tokens, set up for speed: plain HTTP, its in-memory
// adapter, ES256, one client. Tells its parent the port.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { type PeerAuthentication, peerClient, peerResource } from './peer-client.ts'

const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const authentication = (process.argv[2] ?? 'client_secret_post') as PeerAuthentication
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  void exportJWK(privateKey).then(jwk => {
    const provider = new Provider(`http://127.0.0.1:${port}`, {
      jwks: { keys: [{ ...(jwk as { kty: 'EC' }), alg: 'ES256', use: 'sig', kid: 'peer' } as never] },
      clients: [
        {
          ...peerClient,
          token_endpoint_auth_method: authentication,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
          id_token_signed_response_alg: 'ES256',
        },
      ],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: 'orders:read',
            audience: peerResource,
            accessTokenTTL: 300,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }),
        },
      },
    })
    server.on('request', provider.callback())
    process.send?.({ port })
  })
})
process.once('disconnect', () => process.exit()) // the parent is gone
