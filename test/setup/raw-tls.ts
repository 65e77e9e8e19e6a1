// A TLS connection that sends exactly the bytes it is told to, for requests that no HTTP library would send.

import { connect, type TLSSocket } from 'node:tls'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'

export interface RawConnection {
  readonly socket: TLSSocket
  /** Everything received so far. */
  received(): string
  /** When the other side has ended the connection, or it broke. */
  readonly ended: Promise<void>
}

/** After the handshake. url: only its port is looked at. */
export async function openRaw(url: string, caPem: string, certificate?: IssuedCertificate): Promise<RawConnection> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    servername: 'localhost',
    ca: caPem,
    ...(certificate && { cert: certificate.chainPem, key: certificate.keyPem }),
  })
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', chunk => {
    text += chunk
  })
  const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  return { socket, received: () => text, ended }
}

/** Sends one request as it is and gives the whole answer; the request must ask for the connection's end. */
export async function sendRaw(
  url: string,
  caPem: string,
  request: string | Buffer,
  certificate?: IssuedCertificate,
): Promise<string> {
  const connection = await openRaw(url, caPem, certificate)
  connection.socket.write(request)
  await connection.ended
  return connection.received()
}
