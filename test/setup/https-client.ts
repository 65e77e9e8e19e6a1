// Plain HTTPS requests of any shape, with or without a client certificate; one pool for each certificate.

import { Agent, request } from 'undici'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import type { Answer } from './registration.ts'

export interface HttpsRequest {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer | AsyncIterable<Buffer> | undefined
  readonly certificate?: IssuedCertificate | undefined
}

export interface HttpsClient {
  send(url: string, sent?: HttpsRequest): Promise<Answer>
  /** A pool that presents the certificate, for libraries that take one. */
  dispatcher(certificate?: IssuedCertificate): Agent
  close(): Promise<unknown>
}

/** caPem: who may vouch for servers. */
export function createHttpsClient(caPem: string): HttpsClient {
  const agents = new Map<string, Agent>()
  const dispatcher = (certificate?: IssuedCertificate): Agent => {
    const name = certificate?.certificatePem ?? ''
    const found = agents.get(name)
    if (found) return found
    // Fixed, so that a test may send any Host.
    const connect = {
      ca: caPem,
      servername: 'localhost',
      ...(certificate && { cert: certificate.chainPem, key: certificate.keyPem }),
    }
    const agent = new Agent({ connect, connections: 16 })
    agents.set(name, agent)
    return agent
  }
  return {
    dispatcher,
    async send(url, { method = 'GET', headers = {}, body, certificate } = {}) {
      const response = await request(url, {
        method: method as 'POST',
        headers,
        body: (body ?? null) as string | null,
        dispatcher: dispatcher(certificate),
      })
      const text = await response.body.text()
      const json = /[/+]json\b/.test(String(response.headers['content-type']))
      return { status: response.statusCode, headers: response.headers, body: json ? JSON.parse(text) : undefined, text }
    },
    close: () => Promise.all([...agents.values()].map(agent => agent.destroy())),
  }
}

/** A form body. A list of pairs may name a parameter twice. */
export const formBody = (form: Record<string, string> | readonly (readonly [string, string])[]): string =>
  new URLSearchParams(form as Record<string, string>).toString()

export const formHeaders = { 'content-type': 'application/x-www-form-urlencoded' }
