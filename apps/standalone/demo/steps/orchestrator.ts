// Somebody plans the work and opens the account for it before the agent comes.

import { OperatorClient } from '../../seed/operator-client.ts'
import { httpDetail } from '../../seed/registrations.ts'
import { readClaims } from '../evidence.ts'
import { expectReply } from '../expect.ts'
import type { AccountAhead, Step, Story } from '../story.ts'
import { askHolderToken, callApi } from './requests.ts'

export const openAhead: Step = {
  name: 'open-ahead',
  why: 'Who plans the work opens its account, and needs no key for that.',
  async run(story) {
    const { orders } = story.registered.seeded.uris
    story.ahead = await openAccount(story, 'open-ahead', {
      task_id: `report-${story.runA}`,
      permissions: { authorization_details: [httpDetail(orders, 'GET', '/orders/{id}')] },
      ttl: 900,
    })
    return {
      said: `planner: POST /v1/accounts → …${story.ahead.id.slice(-6)}, a credential, a claim link`,
      facts: { account_id: story.ahead.id, task_id: story.ahead.taskId },
    }
  },
}

export const handOver: Step = {
  name: 'hand-over',
  why: 'From its first use the credential belongs to this one key.',
  async run(story) {
    const { orders } = story.registered.seeded.uris
    const reply = await askHolderToken(story, story.ahead, orders, [httpDetail(orders, 'GET', '/orders/{id}')])
    expectReply(reply, 200)
    const token = String(reply.body['access_token'])
    story.evidence.push({ step: 'hand-over', kind: 'issued', token })
    expectReply(await callApi(story, `${orders}/orders/43`, token), 200)
    story.evidence.push({ step: 'hand-over', kind: 'decision', token, reason: 'granted' })
    return {
      said: 'agent: credential + certificate → a token; GET /orders/43 → 200',
      facts: { status: 200, jti: readClaims(token).jti },
    }
  },
}

/** Opens an account for the demo's agent, with a token that can do nothing else. */
export async function openAccount(story: Story, step: string, body: object): Promise<AccountAhead> {
  const { operator, seeded } = story.registered
  const { token } = await operator.client.call<{ token: string }>('POST', '/v1/operators', {
    name: `planner of ${story.runA} ${step}`,
    role: 'orchestrator',
    expires_in_seconds: 600,
  })
  const orchestrator = new OperatorClient({ baseUrl: story.core.publicUrl, caPem: story.core.tls.caPem, token })
  try {
    const opened = await orchestrator.call<Record<string, string>>('POST', '/v1/accounts', { agent: seeded.agentId, ...body })
    const { account_id, task_id, account_credential, claim_uri } = opened
    story.evidence.push({ step, kind: 'event', type: 'account.opened', account: account_id! })
    return { id: account_id!, taskId: task_id!, credential: account_credential!, claimUri: claim_uri! }
  } finally {
    await orchestrator.close()
  }
}
