// Something that webhooks are sent to: HTTPS on loopback, with a certificate of a CA of its own.

import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

export interface ReceivedCall {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Readonly<Record<string, unknown>> }
}

export interface WebhookReceiver {
  readonly url: string
  readonly caPem: string
  readonly calls: ReceivedCall[]
  /** What it answers from now on; a promise is an answer that takes long. */
  answer: (call: ReceivedCall) => { status: number; body?: unknown } | Promise<{ status: number; body?: unknown }>
  close(): Promise<void>
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const now = new Date()
  const ca = await createDevCa({ now })
  const certificate = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  const server: Server = createServer({ cert: certificate.chainPem, key: certificate.keyPem })
  const receiver: WebhookReceiver = {
    url: '',
    caPem: ca.certificatePem,
    calls: [],
    answer: () => ({ status: 204 }),
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  server.on('request', async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const call = { path: incoming.url ?? '', headers: incoming.headers as Record<string, string>, text, body: JSON.parse(text) }
    receiver.calls.push(call)
    const { status, body } = await receiver.answer(call)
    outgoing.writeHead(status, { 'content-type': 'application/json' })
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(receiver, { url: `https://localhost:${(server.address() as AddressInfo).port}/hook` })
}
