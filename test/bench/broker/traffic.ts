// What the broker is asked: RFC 8693 token exchange on the mTLS port with a workload token bound to the client certificate.
// `warm`: accounts opened before, spread evenly, subject tokens seen before. `first`: each request brings a subject token
// never seen and opens an account. `fresh`: as `first`, on a connection of its own.

import { createHash, X509Certificate } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { IdpKeys } from '#apps/idp/idp-keys.ts'
import { createWorkloadTokenMinter } from '#apps/idp/workload-token.ts'
import { httpRequest, type Target, type Traffic } from '../contender.ts'
import { type Answer, Lane, secureContext } from '../load/lane.ts'

export type BrokerRow = 'warm' | 'first' | 'fresh'

/** JSON throughout. */
export interface BrokerTrafficOptions {
  row: BrokerRow
  /** The mTLS listener, with the agent's certificate. */
  target: Target & { tls: { cert: string; key: string } }
  tokenPath: string
  /** The tenant's issuer, its public keys, and the audience that its trust source demands of workload tokens. */
  issuer: string
  jwks: JSONWebKeySet
  subject: { issuer: string; keys: IdpKeys; sub: string; audience: string }
  resource: string
  scope: string
  /** How many accounts the warm row spreads over. */
  accounts: number
  /** Goes into every task id, so that two runs on one database do not meet. */
  runName: string
}

const subjectTtlSeconds = 3_600

/** Traffic for one row. */
export async function createTraffic(options: BrokerTrafficOptions): Promise<Traffic> {
  const { row, target, issuer, resource } = options
  const thumbprint = createHash('sha256').update(new X509Certificate(target.tls.cert).raw).digest('base64url')
  const build = requestBuilder(options, thumbprint)
  const keys = createLocalJWKSet(options.jwks)
  const taskOf = (index: number): string => `${options.runName}-${row}-${row === 'warm' ? index % options.accounts : index}`
  let prepared: Buffer[] = []
  let offset = 0

  return {
    target,
    freshConnections: row === 'fresh',
    async prepare(first, count) {
      if (row === 'warm') {
        if (prepared.length > 0) return
        prepared = Array.from({ length: options.accounts }, (_, i) => build(taskOf(i)))
        await sendAll(target, prepared)
        return
      }
      offset = first
      prepared = Array.from({ length: count }, (_, i) => build(taskOf(first + i)))
    },
    request: index => prepared[row === 'warm' ? index % options.accounts : index - offset]!,
    check(answer, claims, index) {
      if (answer['token_type'] !== 'Bearer' || answer['issued_token_type'] === undefined)
        throw new Error('The answer is no token exchange.')
      const expected = { iss: issuer, aud: resource, scope: options.scope, task_id: taskOf(index) }
      for (const [name, value] of Object.entries(expected)) {
        if (claims[name] !== value) throw new Error(`The token's ${name} is ${JSON.stringify(claims[name])}, not ${value}.`)
      }
      const cnf = claims['cnf'] as Record<string, unknown> | undefined
      if (cnf?.['x5t#S256'] !== thumbprint) throw new Error('The token is not bound to the certificate.')
    },
    async verify(token) {
      await jwtVerify(token, keys, { issuer, audience: resource, algorithms: ['ES256'] })
    },
  }
}

/** Makes the request for a task, with a subject token of its own. */
function requestBuilder(options: BrokerTrafficOptions, thumbprint: string): (taskId: string) => Buffer {
  const { subject, target } = options
  const mint = createWorkloadTokenMinter(subject.keys)
  const host = `${target.tls.servername}:${target.port}`
  const nowSeconds = Math.floor(Date.now() / 1000)
  const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
  return taskId => {
    const token = mint({
      issuer: subject.issuer,
      sub: subject.sub,
      aud: subject.audience,
      runId: taskId,
      cnf: { 'x5t#S256': thumbprint },
      ttlSeconds: subjectTtlSeconds,
      nowSeconds,
    })
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: options.resource,
      scope: options.scope,
      task_id: taskId,
    })
    return httpRequest({ method: 'POST', path: options.tokenPath, headers, body: form.toString() })
  }
}

/** Sends each request once, over a few lanes; throws on the first that is not answered with 200. */
export async function sendAll(target: Target, requests: Buffer[]): Promise<void> {
  const context = secureContext(target)
  let next = 0
  const drive = async (): Promise<void> => {
    const lane = new Lane(target, context, false)
    await lane.open()
    try {
      while (next < requests.length) {
        const request = requests[next++]!
        const answer = await new Promise<Answer | Error>(resolve => lane.ask(request, resolve))
        if (answer instanceof Error) throw answer
        if (answer.status !== 200)
          throw new Error(`Opening the accounts: status ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`)
      }
    } finally {
      lane.close()
    }
  }
  await Promise.all(Array.from({ length: 16 }, drive))
}
