// The two requests of this story: to an API, and to `/token`.

import { ask, type Identity, type Question, type Reply } from '../ask.ts'
import type { AccountAhead, Story } from '../story.ts'

/** With the agent's certificate, unless `as` says otherwise; `as: undefined` presents none. */
export function callApi(
  story: Story,
  url: string,
  token: string,
  more: { readonly method?: string; readonly as?: Identity | undefined } = {},
): Promise<Reply> {
  const identity = 'as' in more ? more.as : story.core.tls.agent
  const question: Question = { bearer: token, identity, ...(more.method && { method: more.method }) }
  return ask(url, story.core.tls.caPem, question)
}

/** RFC 8693 § 2.1, by hand, on the port that asks for certificates. */
export function exchangeToken(story: Story, as: Identity, form: Readonly<Record<string, string>>): Promise<Reply> {
  return ask(`${story.core.mtlsUrl}/token`, story.core.tls.caPem, {
    identity: as,
    form: { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', ...form },
  })
}

/** With the workload's own token. */
export function requestToken(
  story: Story,
  input: {
    readonly subjectToken: string
    readonly as: Identity
    readonly details: readonly object[]
    readonly more?: Readonly<Record<string, string>>
  },
): Promise<Reply> {
  return exchangeToken(story, input.as, {
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: input.subjectToken,
    resource: story.registered.seeded.uris.orders,
    authorization_details: JSON.stringify(input.details),
    ...input.more,
  })
}

/** With the credential of an account that was opened ahead; the agent's own key beside it. */
export function askHolderToken(
  story: Story,
  account: AccountAhead,
  resource: string,
  details: readonly object[] | undefined,
  more: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return exchangeToken(story, story.core.tls.agent, {
    subject_token_type: 'urn:mayfly:token-type:account-credential',
    subject_token: account.credential,
    resource,
    ...(details && { authorization_details: JSON.stringify(details) }),
    ...more,
  })
}
