// A person takes the account over. By plain HTTP, as the pages of the console do it; with --browser in the pages themselves.

import { httpDetail } from '../../seed/registrations.ts'
import { ask } from '../ask.ts'
import { expectReply, expectThat } from '../expect.ts'
import type { Step, Story } from '../story.ts'
import { Visitor } from '../visitor.ts'
import { askHolderToken } from './requests.ts'
import { askAsHelper } from './sub-agent.ts'

export const claim: Step = {
  name: 'claim',
  why: 'A link is not enough: it takes the person and the agent’s code.',
  async run(story) {
    const code = await showCode(story)
    if (story.setting.browser) {
      const { claimInChromium } = await import('../chromium.ts')
      await claimInChromium(story, code)
    } else await claimByHttp(story, code)
    story.evidence.push({ step: 'claim', kind: 'event', type: 'account.claimed', account: story.ahead.id })
    return {
      said: `a person signs in${story.setting.browser ? ', in Chromium' : ''}, types ${code}, owns it now`,
      facts: { account_id: story.ahead.id, browser: story.setting.browser },
    }
  },
}

export const afterClaim: Step = {
  name: 'after-claim',
  why: 'What was before the claim is dead: no copy of a key works on.',
  async run(story) {
    const { orders } = story.registered.seeded.uris
    const agent = await askHolderToken(story, story.ahead, orders, [httpDetail(orders, 'GET', '/orders/43')])
    expectReply(agent, 400, 'invalid_request')
    const helper = await askAsHelper(story, '/orders/42')
    expectReply(helper, 400, 'access_denied')
    story.evidence.push({ step: 'after-claim', kind: 'denied', code: 'account_not_live', reason: 'account_ended' })
    return {
      said: `token for the agent → 400 ${agent.error}; its helper → 400`,
      facts: { status: 400, error: agent.error },
    }
  },
}

export const close: Step = {
  name: 'close',
  why: 'A claimed account has no deadline: its owner ends it.',
  async run(story) {
    const { core, registered } = story
    await using person = new Visitor(core.publicUrl, core.tls.caPem)
    await person.signIn('claimer', registered.seeded.signInProviderId)
    const closed = await person.api(`/accounts/${story.ahead.id}/close`)
    expectThat(closed.status === 200, `expected it closed, got ${closed.status} ${closed.text}`)
    story.evidence.push({ step: 'close', kind: 'event', type: 'account.closed', account: story.ahead.id })
    return { said: 'its owner closes it, in the console → closed', facts: { account_id: story.ahead.id } }
  },
}

/** The agent makes a code for whoever claims, with a token for its own account. */
async function showCode(story: Story): Promise<string> {
  const token = await askHolderToken(story, story.ahead, story.core.publicUrl, undefined, { scope: 'account' })
  expectReply(token, 200)
  const made = await ask(`${story.core.mtlsUrl}/account/claim-code`, story.core.tls.caPem, {
    method: 'POST',
    identity: story.core.tls.agent,
    bearer: String(token.body['access_token']),
  })
  expectThat(made.status === 201, `expected a code, got ${made.status}`)
  return String(made.body['code'])
}

async function claimByHttp(story: Story, code: string): Promise<void> {
  const { core, registered } = story
  await using person = new Visitor(core.publicUrl, core.tls.caPem)
  const [address, secret] = story.ahead.claimUri.split('#') as [string, string]
  // A scanner of links does no more than this, and it changes nothing.
  expectThat((await person.open(address)).status === 200, 'the page of the claim link is not there')
  await person.signIn('claimer', registered.seeded.signInProviderId)
  const offer = await person.api('/claims/look', { secret })
  expectThat(offer.status === 200, `the claim is not offered: ${offer.status} ${offer.text}`)
  const claimed = await person.api('/claims/confirm', { secret, code, readmit: false })
  expectThat(claimed.status === 200, `the claim is not confirmed: ${claimed.status} ${claimed.text}`)
}
