// A token is out, and somebody wants it back. No resource is asked, none has to ask: they are told.

import { setTimeout as delay } from 'node:timers/promises'
import { readClaims } from '../evidence.ts'
import { expectReply, expectThat } from '../expect.ts'
import type { Step, Story } from '../story.ts'
import { callApi } from './requests.ts'

interface Revocation {
  readonly id: string
  readonly receivers: { readonly acknowledged: readonly { readonly ms: number }[]; readonly waiting: readonly object[] }
}

export const revoke: Step = {
  name: 'revoke',
  why: 'The API verifies offline, and yet knows at once.',
  async run(story) {
    const { accessToken } = story.first
    const { jti } = readClaims(accessToken)
    const revoked = await story.registered.operator.client.call<Revocation>('POST', '/v1/revocations', {
      token_id: jti,
      reason: 'It was printed into a build log.',
    })
    story.revocationId = revoked.id
    const answered = performance.now()
    const refused = await firstRefusal(story, accessToken)
    const ms = Math.round(performance.now() - answered)
    expectReply(refused, 401, 'invalid_token')
    story.evidence.push({ step: 'revoke', kind: 'decision', token: accessToken, reason: 'token_revoked' })
    return {
      said: `POST /v1/revocations; within ${ms} ms GET /orders/42 → 401 invalid_token`,
      facts: { revocation_id: revoked.id, status: 401, error: 'invalid_token', refused_within_ms: ms },
    }
  },
}

export const reached: Step = {
  name: 'reached',
  why: 'Each guard says how far it has heard. Nobody has to hope.',
  async run(story) {
    const { receivers } = await story.registered.operator.client.call<Revocation>(
      'GET',
      `/v1/revocations/${story.revocationId}?wait=5`,
    )
    const { acknowledged, waiting } = receivers
    expectThat(acknowledged.length > 0 && waiting.length === 0, `${waiting.length} guards have not heard of it`)
    const lastMs = Math.ceil(Math.max(...acknowledged.map(({ ms }) => ms)))
    return {
      said: `${acknowledged.length} of ${acknowledged.length} guards have acknowledged it, the last after ${lastMs} ms`,
      facts: { acknowledged: acknowledged.length, waiting: 0, last_ms: lastMs },
    }
  },
}

/** The first answer that is none of the API's own, or what it still answers after a second. */
async function firstRefusal(story: Story, token: string) {
  const url = `${story.registered.seeded.uris.orders}/orders/42`
  const until = performance.now() + 1_000
  for (;;) {
    const reply = await callApi(story, url, token)
    if (reply.status !== 200 || performance.now() > until) return reply
    await delay(2)
  }
}
