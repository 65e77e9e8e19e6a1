// Something that is called from outside: HTTPS on loopback, with a certificate of a CA of its own.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

export interface Incoming {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export interface Reply {
  readonly status: number
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface LoopbackReceiver {
  readonly origin: string
  readonly caPem: string
  close(): Promise<void>
}

/** answer: to each request, once its body is there; a promise is an answer that takes long. */
export async function startLoopbackReceiver(answer: (incoming: Incoming) => Reply | Promise<Reply>): Promise<LoopbackReceiver> {
  const now = new Date()
  const ca = await createDevCa({ now })
  const certificate = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  const server = createServer({ cert: certificate.chainPem, key: certificate.keyPem }, async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const { status, body, headers } = await answer({
      path: incoming.url ?? '',
      headers: incoming.headers as Record<string, string>,
      text,
    })
    outgoing.writeHead(status, { 'content-type': 'application/json', ...headers })
    outgoing.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    caPem: ca.certificatePem,
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
