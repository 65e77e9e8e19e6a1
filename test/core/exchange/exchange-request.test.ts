import { describe, expect, test } from 'vitest'
import { BrokerError } from '#core/errors/broker-error.ts'
import { accessTokenType, certificateTokenType, grantTypes, parseExchangeRequest } from '#core/exchange/exchange-request.ts'
import { parseForm } from '#core/exchange/form.ts'

const jwt = 'urn:ietf:params:oauth:token-type:jwt'
const good = { grant_type: grantTypes.tokenExchange, subject_token: 'eyJhbGciOi-secret', subject_token_type: jwt }
const assertion = { grant_type: grantTypes.jwtBearer, assertion: 'eyJhbGciOi-secret' }

const parse = (parameters: Record<string, string | undefined>) => {
  const sent = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return parseExchangeRequest(parseForm(new URLSearchParams(sent).toString()))
}

const refusalOf = (parameters: Record<string, string | undefined>): BrokerError => {
  try {
    parse(parameters)
  } catch (error) {
    if (error instanceof BrokerError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const agent = `agt_${'0'.repeat(32)}`
const account = `acct_${'0'.repeat(32)}`

describe('what is refused', () => {
  const malformed = 'malformed_request'
  test.each<[name: string, parameters: Record<string, string | undefined>, code: string, hint: RegExp]>([
    ['no grant type', { ...good, grant_type: undefined }, malformed, /grant_type is missing/],
    ['an empty grant type', { ...good, grant_type: '' }, malformed, /grant_type is missing/],
    [
      'another grant',
      { ...good, grant_type: 'password' },
      'unsupported_grant',
      /Offered: .*token-exchange, .*jwt-bearer, client_credentials/,
    ],
    ['another grant, whatever else is wrong', { grant_type: 'password', ttl: 'x', may_act: 'x' }, 'unsupported_grant', /Offered/],
    [
      'a subject token for the grant that has none (threats 5)',
      { ...good, grant_type: 'client_credentials' },
      malformed,
      /takes no subject_token/,
    ],
    [
      'a grant type in other case',
      { ...good, grant_type: grantTypes.tokenExchange.toUpperCase() },
      'unsupported_grant',
      /Offered/,
    ],
    ['no subject token', { ...good, subject_token: undefined }, malformed, /subject_token is missing/],
    ['no subject token type', { ...good, subject_token_type: undefined }, malformed, /subject_token_type is missing/],
    [
      'an access token as subject, and nobody who acts',
      { ...good, subject_token_type: accessTokenType },
      malformed,
      /send your own credential with it as actor_token/,
    ],
    [
      'an actor without a type',
      { ...good, subject_token_type: accessTokenType, actor_token: 'x' },
      malformed,
      /actor_token_type is missing/,
    ],
    [
      'an access token as actor',
      { ...good, subject_token_type: accessTokenType, actor_token: 'x', actor_token_type: accessTokenType },
      'unsupported_token_type',
      /actor_token_type must be/,
    ],
    [
      'a SAML assertion as subject',
      { ...good, subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
      'unsupported_token_type',
      /must be one of/,
    ],
    [
      'a refresh token wanted',
      { ...good, requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'unsupported_token_type',
      /can only be/,
    ],
    ['an actor token', { ...good, actor_token: 'x', actor_token_type: jwt }, malformed, /actor_token is for a delegation token/],
    ['an actor token type alone', { ...good, actor_token_type: jwt }, malformed, /actor_token is for a delegation token/],
    ['an actor beside an assertion', { ...assertion, actor_token: 'x' }, malformed, /actor_token is for token exchange/],
    ['an intent', { ...good, intent: 'read my mail' }, malformed, /intent is not accepted/],
    ['act from the client', { ...good, act: '{}' }, malformed, /act cannot be asked for/],
    ['may_act that is no agent', { ...good, may_act: '{}' }, malformed, /may_act must be the id of the sub-agent/],
    ['terms of a child without one', { ...good, max_depth: '2' }, malformed, /name it by may_act/],
    ['a depth beyond all', { ...good, may_act: agent, max_depth: '9' }, malformed, /max_depth must be a number from 0 to 8/],
    ['no tokens for a child', { ...good, may_act: agent, tokens: '0' }, malformed, /tokens must be a number from 1/],
    ['cnf from the client', { ...good, cnf: '{}' }, malformed, /cnf cannot be asked for/],
    ['no assertion', { ...assertion, assertion: undefined }, malformed, /assertion is missing/],
    ['act from the client beside an assertion', { ...assertion, act: '{}' }, malformed, /act cannot be asked for/],
    ...['0', '-1', '1.5', '1e3', ' 60', '060', '1000000', 'NaN', '٣', '60\n'].map(
      ttl =>
        [`ttl ${JSON.stringify(ttl)}`, { ...good, ttl }, malformed, /ttl must be a number of seconds from 1 to 999999/] as [
          string,
          Record<string, string>,
          string,
          RegExp,
        ],
    ),
    ...['1', 'TRUE', 'yes'].map(
      flag =>
        [`allow_narrowing ${flag}`, { ...good, allow_narrowing: flag }, malformed, /allow_narrowing must be true or false/] as [
          string,
          Record<string, string>,
          string,
          RegExp,
        ],
    ),
    ['a task id with a space', { ...good, task_id: 'a b' }, malformed, /task_id must be 1 to 128 visible ASCII/],
    ['a task id with a line break', { ...good, task_id: 'a\n' }, malformed, /task_id must be/],
    ['a task id in another script', { ...good, task_id: 'а' }, malformed, /task_id must be/],
    ['a task id of 129', { ...good, task_id: 'a'.repeat(129) }, malformed, /task_id must be/],
    [
      'an account id of another kind',
      { ...good, account_id: account.replace('acct', 'agt') },
      malformed,
      /account_id must be an id as this broker gave it/,
    ],
    ['an account id in upper case', { ...good, account_id: `acct_${'A'.repeat(32)}` }, malformed, /account_id must be/],
    ['an account id with SQL behind it', { ...good, account_id: `${account}' or 1=1 --` }, malformed, /account_id must be/],
    ['a nonce of 7', { ...good, nonce: 'a'.repeat(7) }, malformed, /nonce must be 8 to 128 unreserved/],
    ['a nonce of 129', { ...good, nonce: 'a'.repeat(129) }, malformed, /nonce must be/],
    ['a nonce with a quote', { ...good, nonce: 'aaaaaaa"' }, malformed, /nonce must be/],
  ])('%s', (_, parameters, code, hint) => {
    const refusal = refusalOf(parameters)
    expect(refusal.code).toBe(code)
    expect(refusal.hint).toMatch(hint)
  })

  test('is never quoted back: no hint holds a value that the caller sent', () => {
    const secret = 'canary-5f1c"\n'
    const names = [
      'grant_type',
      'subject_token_type',
      'requested_token_type',
      'actor_token',
      'act',
      'intent',
      'ttl',
      'allow_narrowing',
      'task_id',
      'account_id',
      'nonce',
    ]
    for (const name of names) {
      const refusal = refusalOf({ ...good, subject_token: secret, [name]: secret })
      expect(`${refusal.publicText} ${refusal.message}`, name).not.toContain('canary')
    }
  })
})

describe('what is read', () => {
  test('the six fields that stock clients send (standards § 0.1)', () => {
    const request = parse({ ...good, audience: 'https://api.example', scope: 'a b', requested_token_type: accessTokenType })
    expect(request).toEqual({
      grant: 'token_exchange',
      subjectToken: good.subject_token,
      subjectKind: 'jwt',
      clientId: undefined,
      targets: ['https://api.example'],
      scope: 'a b',
      authorizationDetails: undefined,
      allowNarrowing: false,
      taskId: undefined,
      accountId: undefined,
      ttlSeconds: undefined,
      nonce: undefined,
    })
  })

  test('everything that may be asked', () => {
    const request = parse({
      ...good,
      subject_token_type: certificateTokenType,
      resource: 'https://a.example',
      audience: 'https://b.example',
      authorization_details: '[]',
      allow_narrowing: 'true',
      task_id: 'x'.repeat(128),
      account_id: account,
      ttl: '999999',
      nonce: 'A.b_c~d-9',
      client_id: 'agt_1',
    })
    expect(request).toMatchObject({
      subjectKind: 'certificate',
      targets: ['https://a.example', 'https://b.example'],
      authorizationDetails: '[]',
      allowNarrowing: true,
      taskId: 'x'.repeat(128),
      accountId: account,
      ttlSeconds: 999_999,
      nonce: 'A.b_c~d-9',
      clientId: 'agt_1',
    })
  })

  test('the jwt-bearer grant, whose assertion is the subject token, whatever else is called one', () => {
    expect(parse({ ...assertion, subject_token: 'other' })).toMatchObject({
      grant: 'jwt_bearer',
      subjectKind: 'jwt',
      subjectToken: assertion.assertion,
    })
  })

  test('requested_token_type by token exchange alone: beside the other grants it has no meaning, and audience names the API', () => {
    const wanted = { requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag', audience: 'https://a.example' }
    expect(parse({ ...good, ...wanted })).toMatchObject({ targets: [], idJagAudience: 'https://a.example' })
    for (const grant of [assertion, { grant_type: grantTypes.clientCredentials }]) {
      const request = parse({ ...grant, ...wanted })
      expect(request.targets).toEqual(['https://a.example'])
      expect(request.idJagAudience).toBeUndefined()
    }
  })

  test('other credentials are never read in the place of a subject token (threats 5)', () => {
    for (const name of ['client_secret', 'client_assertion'])
      for (const subjectToken of [undefined, good.subject_token])
        expect(refusalOf({ ...good, subject_token: subjectToken, client_id: 'agt_1', [name]: 'x' }).code).toBe(
          'client_not_authenticated',
        )
    expect(refusalOf({ ...good, subject_token: undefined, client_id: 'agt_1' }).code).toBe('malformed_request')
  })
})
