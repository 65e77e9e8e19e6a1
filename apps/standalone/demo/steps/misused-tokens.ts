// A good token in the wrong hands, for the wrong thing, too late, or twice.

import { setTimeout as delay } from 'node:timers/promises'
import { httpDetail } from '../../seed/registrations.ts'
import { readClaims } from '../evidence.ts'
import { expectReply } from '../expect.ts'
import type { Step, Story } from '../story.ts'
import { callApi } from './requests.ts'

export const noCertificate: Step = {
  name: 'no-certificate',
  why: 'A copied token is worth nothing without the key that it is bound to.',
  async run(story) {
    const { accessToken: token } = story.first
    const reply = await callApi(story, `${story.registered.seeded.uris.orders}/orders/42`, token, { as: undefined })
    expectReply(reply, 401, 'invalid_token')
    story.evidence.push({ step: 'no-certificate', kind: 'decision', token, reason: 'certificate_missing' })
    return refused('the same token without the certificate', 401, 'invalid_token')
  },
}

export const otherRow: Step = {
  name: 'other-row',
  why: 'The token names the row; a misled agent gets nowhere.',
  async run(story) {
    const { accessToken: token } = story.first
    const reply = await callApi(story, `${story.registered.seeded.uris.orders}/orders/43`, token)
    expectReply(reply, 403, 'insufficient_scope')
    story.evidence.push({ step: 'other-row', kind: 'decision', token, reason: 'operation_not_granted' })
    return refused('the same token for GET /orders/43', 403, 'insufficient_scope')
  },
}

export const expired: Step = {
  name: 'expired',
  why: 'No leeway, no refresh token, nothing to clean up.',
  async run(story) {
    const url = `${story.registered.seeded.uris.orders}/orders/42`
    const token = await takeShortLived(story, url)
    const endsMs = readClaims(token).exp * 1000
    while (Date.now() < endsMs) await delay(Math.max(1, endsMs - Date.now()))
    expectReply(await callApi(story, url, token), 401, 'invalid_token')
    story.evidence.push({ step: 'expired', kind: 'decision', token, reason: 'token_expired' })
    return refused('a token of 2 s: 200 while it lived, then', 401, 'invalid_token')
  },
}

export const secondUse: Step = {
  name: 'second-use',
  why: 'Where repeating costs money, a token is used up before the deed.',
  async run(story) {
    const { refunds: resource } = story.registered.seeded.uris
    const details = [httpDetail(resource, 'POST', '/orders/42/refund')]
    const { accessToken: token } = await story.client
      .taskToken({ resource, authorizationDetails: details }, { reuse: false })
      .get()
    story.evidence.push({ step: 'second-use', kind: 'issued', token })
    const url = `${resource}/orders/42/refund`
    expectReply(await callApi(story, url, token, { method: 'POST' }), 201)
    story.evidence.push({ step: 'second-use', kind: 'decision', token, reason: 'granted' })
    expectReply(await callApi(story, url, token, { method: 'POST' }), 401, 'invalid_token')
    story.evidence.push({ step: 'second-use', kind: 'decision', token, reason: 'token_already_used' })
    return refused('POST /orders/42/refund → 201, then again', 401, 'invalid_token')
  },
}

/** A token of two seconds that was seen to work. A busy machine may need longer than that for one call, and then takes another. */
async function takeShortLived(story: Story, url: string): Promise<string> {
  const { orders: resource } = story.registered.seeded.uris
  const asked = { resource, authorizationDetails: [httpDetail(resource, 'GET', '/orders/42')], ttl: 2 }
  for (let attempt = 1; ; attempt += 1) {
    const { accessToken: token } = await story.client.taskToken(asked).get()
    story.evidence.push({ step: 'expired', kind: 'issued', token })
    const reply = await callApi(story, url, token)
    if (reply.status === 401 && attempt < 5) continue
    expectReply(reply, 200)
    story.evidence.push({ step: 'expired', kind: 'decision', token, reason: 'granted' })
    return token
  }
}

const refused = (what: string, status: number, error: string) => ({
  said: `${what} → ${status} ${error}`,
  facts: { status, error },
})
