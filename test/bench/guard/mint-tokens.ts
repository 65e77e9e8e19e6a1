// Task tokens as an agent gets them: by exchange of its workload's own, over mTLS.

import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { createWorkloadTokenMinter } from '#apps/idp/workload-token.ts'
import { onceResourceUri, resourceUri } from '#test/setup/registration.ts'
import type { BenchBroker } from '../broker/bench-broker.ts'

/** Which API a token is for, and with it how often it counts. */
export type TokenKind = 'pop' | 'once'

const grants = {
  pop: { resource: resourceUri, method: 'GET', uri_template: '/orders/{id}' },
  once: { resource: onceResourceUri, method: 'POST', uri_template: '/payments' },
} as const

/** That many tokens of one account. */
export async function mintTokens(broker: BenchBroker, kind: TokenKind, count: number): Promise<string[]> {
  const { trafficOptions, tenant, registrar } = broker
  const { subject } = trafficOptions
  const { resource, method, uri_template } = grants[kind]
  const thumbprint = createHash('sha256').update(new X509Certificate(tenant.certificate.certificatePem).raw).digest('base64url')
  const subjectToken = createWorkloadTokenMinter(subject.keys)({
    issuer: subject.issuer,
    sub: subject.sub,
    aud: subject.audience,
    runId: randomUUID(),
    cnf: { 'x5t#S256': thumbprint },
    ttlSeconds: 3600,
    nowSeconds: Math.floor(Date.now() / 1000),
  })
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    resource,
    authorization_details: JSON.stringify([{ type: 'agent_http', locations: [resource], methods: [method], uri_template }]),
  }
  const tokens: string[] = []
  for (let number = 0; number < count; number++) {
    const answer = await registrar.http.token(form, tenant.certificate)
    if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`)
    tokens.push(answer.body.access_token)
  }
  return tokens
}
