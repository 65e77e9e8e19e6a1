// A CI-like OpenID issuer whose answers can be held back.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generateIdpKeys, type IdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'

export interface Issuer {
  readonly url: string
  readonly keys: IdpKeys
  /** How often its keys were asked for. */
  readonly asked: number
  /** From now on the keys are answered only after what is returned is called. */
  hold(): () => void
  close(): Promise<void>
}

export async function startIssuer(tls: IssuedCertificate): Promise<Issuer> {
  const keys = await generateIdpKeys()
  let asked = 0
  let held: Promise<void> = Promise.resolve()
  const server = createServer({ cert: tls.chainPem, key: tls.keyPem }, async (request, response) => {
    asked++
    await held
    const body = request.url === '/jwks' ? publicJwks(keys) : { issuer: url, jwks_uri: `${url}/jwks` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  return {
    url,
    keys,
    get asked() {
      return asked
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
