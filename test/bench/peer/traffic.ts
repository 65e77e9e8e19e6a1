import { createRemoteJWKSet, jwtVerify } from 'jose'
import { httpRequest, type Traffic } from '../contender.ts'
import { type PeerAuthentication, peerClient, peerResource } from './peer-client.ts'

/** What the peer is asked: always the same request, since it keeps nothing between two. */
export async function createTraffic(options: { port: number; authentication: PeerAuthentication }): Promise<Traffic> {
  const host = `127.0.0.1:${options.port}`
  const issuer = `http://${host}`
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
  const form = new URLSearchParams({ grant_type: 'client_credentials', resource: peerResource, scope: 'orders:read' })
  const headers: Record<string, string> = { host, 'content-type': 'application/x-www-form-urlencoded' }
  if (options.authentication === 'client_secret_basic') {
    headers['authorization'] = `Basic ${Buffer.from(`${peerClient.client_id}:${peerClient.client_secret}`).toString('base64')}`
  } else {
    for (const [name, value] of Object.entries(peerClient)) form.set(name, value)
  }
  const request = httpRequest({ method: 'POST', path: '/token', headers, body: form.toString() })

  return {
    target: { host: '127.0.0.1', port: options.port },
    request: () => request,
    check(answer, claims) {
      if (answer['token_type'] !== 'Bearer' || answer['scope'] !== 'orders:read')
        throw new Error('The answer grants something else.')
      if (claims['iss'] !== issuer || claims['aud'] !== peerResource) throw new Error('The token is for something else.')
    },
    async verify(token) {
      await jwtVerify(token, keys, { issuer, audience: peerResource, typ: 'at+jwt', algorithms: ['ES256'] })
    },
  }
}
