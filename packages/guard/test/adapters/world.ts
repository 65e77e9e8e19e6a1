// What the tests of adapters share: certificates, tokens of now, and a caller that sends exactly what it is told.

import { Agent, request as httpsRequest } from 'node:https'
import { type Authority, newAuthority, type Pem } from '../../../test/tls.ts'
import { certificateThumbprint, type GuardOptions, type Reason, type Refused } from '../../src/index.ts'
import { claimsWith, issuer, jwks, resource, signToken } from '../issuer.ts'

export interface World {
  readonly authority: Authority
  readonly agent: Pem
  readonly thief: Pem
  /** Of an authority that the servers do not know. */
  readonly stranger: Pem
  /** What a server of Node is made with. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } & typeof asks
}

const asks = { requestCert: true, rejectUnauthorized: false } as const

export async function newWorld(): Promise<World> {
  const authority = await newAuthority()
  const [agent, thief, own] = await Promise.all(['agent', 'thief', 'localhost'].map(name => authority.issue(name)))
  const stranger = await (await newAuthority('CN=Other CA')).issue('stranger')
  return {
    authority,
    agent: agent!,
    thief: thief!,
    stranger,
    tls: { cert: own!.cert, key: own!.key, ca: authority.pem, ...asks },
  }
}

/** Tokens with this id were revoked. */
export const revokedId = 'revoked-one'

/** What every guard of these tests is made of; `reasons` collects why it refused. */
export function guardOptions(reasons: Reason[]): GuardOptions & { onRefused: (refused: Refused) => void } {
  return {
    issuer,
    resource,
    jwks,
    isRevoked: claims => claims.jti === revokedId,
    dpop: { nonces: true },
    onRefused: refused => reasons.push(refused.reason),
  }
}

/** A token of now, bound to the holder's certificate. */
export function tokenFor(holder: Pem, change: object = {}): string {
  const iat = Math.floor(Date.now() / 1000)
  return signToken(claimsWith({ iat, exp: iat + 300, cnf: { 'x5t#S256': certificateThumbprint(holder.der) }, ...change }))
}

export interface Call {
  /** Request target, sent as it stands. */
  readonly path: string
  readonly as?: Pem | undefined
  readonly token?: string | undefined
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly body: Record<string, unknown>
}

/** Calls a server on the loopback over a connection of its own. */
export function call(
  port: number,
  { authority }: World,
  { path, as, token, method = 'GET', body, headers }: Call,
): Promise<Answer> {
  const agent = new Agent({ ca: authority.pem, ...(as && { cert: as.cert, key: as.key }) })
  const sent = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ host: '127.0.0.1', port, path, method, headers: sent, agent }, response => {
      readText(response)
        .then(text => resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parse(text) }), reject)
        .finally(() => agent.destroy())
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function readText(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text || '{}')
  } catch {
    return {}
  }
}
