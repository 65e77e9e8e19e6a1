// A receiver of Security Event Tokens that are pushed: HTTPS on loopback, with a certificate of a CA of its own.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

export interface ReceivedSet {
  readonly headers: Readonly<Record<string, string>>
  readonly jwt: string
  readonly header: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly claims: any
}

interface Reply {
  readonly status: number
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

export interface SetReceiver {
  readonly url: string
  readonly caPem: string
  /** In the order in which they came, the refused ones too. */
  readonly sets: ReceivedSet[]
  /** What it answers from now on; a promise is an answer that takes long. */
  answer: (set: ReceivedSet) => Reply | Promise<Reply>
  close(): Promise<void>
}

const decode = (part: string | undefined) => JSON.parse(Buffer.from(part ?? '', 'base64url').toString() || '{}')

export async function startSetReceiver(): Promise<SetReceiver> {
  const now = new Date()
  const ca = await createDevCa({ now })
  const certificate = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  const server = createServer({ cert: certificate.chainPem, key: certificate.keyPem })
  const receiver: SetReceiver = {
    url: '',
    caPem: ca.certificatePem,
    sets: [],
    answer: () => ({ status: 202 }),
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  server.on('request', async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const jwt = Buffer.concat(chunks).toString()
    const [header, claims] = jwt.split('.')
    const set = { headers: incoming.headers as Record<string, string>, jwt, header: decode(header), claims: decode(claims) }
    receiver.sets.push(set)
    const { status, body, headers } = await receiver.answer(set)
    outgoing.writeHead(status, { 'content-type': 'application/json', ...headers })
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(receiver, { url: `https://localhost:${(server.address() as AddressInfo).port}/events` })
}
