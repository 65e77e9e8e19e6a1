// Task tokens as an agent gets them: by exchange of its workload's own, over mTLS.

import { randomUUID } from 'node:crypto'
import { onceResourceUri, resourceUri } from '#test/setup/registration.ts'
import type { BenchBroker } from '../broker/bench-broker.ts'
import { workloadExchange } from '../broker/workload-exchange.ts'

/** Which API a token is for, and with it how often it counts. */
export type TokenKind = 'pop' | 'once'

const grants = {
  pop: { resource: resourceUri, method: 'GET', uri_template: '/orders/{id}' },
  once: { resource: onceResourceUri, method: 'POST', uri_template: '/payments' },
} as const

/** That many tokens of one account. */
export async function mintTokens(broker: BenchBroker, kind: TokenKind, count: number): Promise<string[]> {
  const { tenant, registrar } = broker
  const { resource, method, uri_template } = grants[kind]
  const form = {
    ...workloadExchange(broker)(randomUUID()),
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
