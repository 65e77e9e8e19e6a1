// A web server of somebody who publishes: bundles, revocation lists. What it serves can change, or be missing.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'

export interface Publisher {
  readonly url: string
  /** By path. A path without a document answers 503. */
  readonly documents: Map<string, string | Buffer>
  readonly requests: string[]
  close(): Promise<void>
}

export async function startPublisher(certificate: IssuedCertificate): Promise<Publisher> {
  const documents = new Map<string, string | Buffer>()
  const requests: string[] = []
  const server = createServer({ cert: certificate.chainPem, key: certificate.keyPem }, (request, response) => {
    requests.push(request.url!)
    const document = documents.get(request.url!)
    response.writeHead(document === undefined ? 503 : 200).end(document)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    documents,
    requests,
    close: () => {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
