import { createMayflyClient } from '../../../../packages/client/src/index.ts'
import { httpDetail } from '../../seed/registrations.ts'
import { expectReply, expectThat } from '../expect.ts'
import type { Step } from '../story.ts'
import { callApi } from './requests.ts'

export const exchange: Step = {
  name: 'exchange',
  why: 'One call, nothing prepared: it opens an account that ends by itself.',
  async run(story) {
    const { core, registered } = story
    const { certPem: cert, keyPem: key } = core.tls.agent
    story.client = createMayflyClient({
      issuer: core.publicUrl,
      ca: core.tls.caPem,
      certificate: { cert, key },
      subjectToken: () => story.workloadToken(story.runA),
    })
    core.closing.defer(() => story.client.close())
    const resource = registered.seeded.uris.orders
    story.first = await story.client
      .taskToken({ resource, authorizationDetails: [httpDetail(resource, 'GET', '/orders/42')] })
      .get()
    const { accountId, taskId, accessToken, claimUri } = story.first
    expectThat(Boolean(accountId && taskId && claimUri), 'expected a new account with a claim link')
    story.evidence.push({ step: 'exchange', kind: 'issued', token: accessToken })
    return {
      said: `certificate + workload token → account …${accountId?.slice(-6)} and a token`,
      facts: { account_id: accountId, task_id: taskId },
    }
  },
}

export const call: Step = {
  name: 'call',
  why: 'The API checked signature, key, row and time without asking anyone.',
  async run(story) {
    const { orders } = story.registered.seeded.uris
    const { accessToken } = story.first
    const reply = await callApi(story, `${orders}/orders/42`, accessToken)
    expectReply(reply, 200)
    story.evidence.push({ step: 'call', kind: 'decision', token: accessToken, reason: 'granted' })
    return { said: `GET /orders/42 → 200: ${reply.body['item']}, ${reply.body['total']}`, facts: { status: 200 } }
  },
}
