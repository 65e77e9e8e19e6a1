// Something that syslog is sent to: octet-counted or line-framed messages over TLS or plain TCP, on loopback.

import type { AddressInfo } from 'node:net'
import { createServer as createPlain, type Server, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

export interface SyslogCollector {
  readonly port: number
  readonly caPem: string
  /** As they were framed. */
  readonly messages: string[]
  /** Everything as it came. */
  bytes(): Buffer
  readonly connections: number
  /** Drops what it has accepted, without a word. */
  cut(): void
  close(): Promise<void>
}

export async function startSyslogCollector(
  options: { readonly tls?: boolean; readonly framing?: 'octets' | 'lines'; readonly port?: number } = {},
): Promise<SyslogCollector> {
  const { tls = true, framing = 'octets' } = options
  const now = new Date()
  const ca = await createDevCa({ now })
  const certificate = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  const messages: string[] = []
  const chunks: Buffer[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const accept = (socket: Socket): void => {
    connections += 1
    sockets.add(socket)
    let rest: Uint8Array = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      rest = takeMessages(Buffer.concat([rest, chunk]), framing, messages)
    })
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  const server: Server = tls ? createTls({ cert: certificate.chainPem, key: certificate.keyPem }, accept) : createPlain(accept)
  await new Promise<void>(resolve => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    caPem: ca.certificatePem,
    messages,
    bytes: () => Buffer.concat(chunks),
    get connections() {
      return connections
    },
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** What is left. */
function takeMessages(bytes: Buffer, framing: 'octets' | 'lines', messages: string[]): Buffer {
  let rest = bytes
  for (;;) {
    const at = rest.indexOf(framing === 'octets' ? ' ' : '\n')
    if (at < 0) return rest
    const start = framing === 'octets' ? at + 1 : 0
    const end = framing === 'octets' ? start + Number(rest.subarray(0, at).toString()) : at
    if (Number.isNaN(end)) throw new Error('no frame')
    if (end > rest.length) return rest
    messages.push(rest.subarray(start, end).toString('utf8'))
    rest = rest.subarray(framing === 'octets' ? end : at + 1)
  }
}
