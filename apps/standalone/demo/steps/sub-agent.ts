// The agent lets another one do a part, with less than it may do itself.

import { X509Certificate } from 'node:crypto'
import { httpDetail } from '../../seed/registrations.ts'
import { readClaims } from '../evidence.ts'
import { expectReply, expectThat } from '../expect.ts'
import type { Step, Story } from '../story.ts'
import { askHolderToken, callApi, exchangeToken } from './requests.ts'

const certificateType = 'urn:ietf:params:oauth:token-type:mtls'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

export const subAgent: Step = {
  name: 'sub-agent',
  why: 'Its own account, its own key, never more than was passed on.',
  async run(story) {
    const { orders } = story.registered.seeded.uris
    const details = [httpDetail(orders, 'GET', '/orders/42')]
    const delegation = await askHolderToken(story, story.ahead, story.core.publicUrl, details, {
      may_act: story.registered.seeded.helperAgentId,
    })
    expectReply(delegation, 200)
    const opened = await exchangeToken(story, story.core.tls.helper, {
      subject_token: String(delegation.body['access_token']),
      subject_token_type: accessTokenType,
      actor_token: derOf(story),
      actor_token_type: certificateType,
      resource: orders,
      authorization_details: JSON.stringify(details),
    })
    expectReply(opened, 200)
    story.childId = String(opened.body['account_id'])
    const token = String(opened.body['access_token'])
    const claims = readClaims(token)
    expectThat(claims['sub'] === story.ahead.id, 'expected the authority of the account above')
    story.evidence.push({ step: 'sub-agent', kind: 'issued', token })
    const reply = await callApi(story, `${orders}/orders/42`, token, { as: story.core.tls.helper })
    expectReply(reply, 200)
    story.evidence.push({ step: 'sub-agent', kind: 'decision', token, reason: 'granted' })
    return {
      said: `a helper may read order 42 → account …${story.childId.slice(-6)}; GET → 200`,
      facts: { account_id: story.childId, status: 200 },
    }
  },
}

export const subAgentBeyond: Step = {
  name: 'sub-agent-beyond',
  why: 'A child is within its parent, whatever the helper itself may do.',
  async run(story) {
    const reply = await askAsHelper(story, '/orders/43')
    expectReply(reply, 400, 'invalid_authorization_details')
    story.evidence.push({ step: 'sub-agent-beyond', kind: 'denied', code: 'details_refused', reason: 'beyond_ceiling_details' })
    return {
      said: 'the helper asks for order 43 → 400 invalid_authorization_details',
      facts: { status: 400, error: 'invalid_authorization_details' },
    }
  },
}

/** The helper asks for a token in its child account, by its certificate. */
export function askAsHelper(story: Story, path: string) {
  const { orders } = story.registered.seeded.uris
  return exchangeToken(story, story.core.tls.helper, {
    subject_token: derOf(story),
    subject_token_type: certificateType,
    account_id: story.childId,
    resource: orders,
    authorization_details: JSON.stringify([httpDetail(orders, 'GET', path)]),
  })
}

/** The helper's certificate as a token. */
const derOf = (story: Story): string => new X509Certificate(story.core.tls.helper.certPem).raw.toString('base64')
