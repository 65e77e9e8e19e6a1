// What the tests of both packages share: a certificate authority and https servers on the loopback, made anew for each run.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export interface Pem {
  readonly cert: string
  readonly key: string
  readonly der: Buffer
}

export interface Authority {
  readonly pem: string
  issue(name: string): Promise<Pem>
}

const pemOf = async (key: CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')

/** A new authority; its certificates are good for an hour, for the loopback and for both sides. */
export async function newAuthority(name = 'CN=Test CA'): Promise<Authority> {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) }
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as {
    privateKey: CryptoKey
    publicKey: CryptoKey
  }
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    ...validity,
    serialNumber: '01',
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  })
  let serial = 1
  return {
    pem: root.toString('pem'),
    async issue(leafName) {
      const leaf = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as {
        privateKey: CryptoKey
        publicKey: CryptoKey
      }
      serial += 1
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `CN=${leafName}`,
        issuer: root.subject,
        ...validity,
        serialNumber: serial.toString(16).padStart(2, '0'),
        publicKey: leaf.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: 'ip', value: '127.0.0.1' },
            { type: 'dns', value: 'localhost' },
          ]),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        ],
      })
      return { cert: certificate.toString('pem'), key: await pemOf(leaf.privateKey), der: Buffer.from(certificate.rawData) }
    },
  }
}

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly request: IncomingMessage
}

export interface Served {
  readonly origin: string
  readonly received: Received[]
  readonly server: Server
  close(): Promise<void>
}

/** Serves https on a free port; keeps what it received. */
export async function serve(
  authority: Authority,
  answer: (received: Received, response: ServerResponse) => void | Promise<void>,
  options: object = {},
): Promise<Served> {
  const { cert, key } = await authority.issue('localhost')
  const received: Received[] = []
  const server = createServer({ cert, key, ...options }, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      request,
    }
    received.push(one)
    await answer(one, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    server,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Answers with JSON. */
export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
