import { describe, expect, test } from 'vitest'
import { readIssuerToken } from '#core/issuer-token/issuer-token.ts'

const issuer = 'https://broker.example'
const id = (kind: string, n = 1): string => `${kind}_${String(n).padStart(32, '0')}`
const common = { iss: issuer, aud: issuer, jti: id('at'), account_id: id('acct'), client_id: id('agt'), gen: 2, exp: 100 }
const account = { ...common, scope: 'account', cnf: { jkt: 'x' } }
const delegation = {
  ...common,
  scope: 'orders:read',
  may_act: { iss: issuer, sub: id('agt', 2) },
  delegation: { depth: 1, max_depth: 3 },
}

test('the two kinds are read as what they are', () => {
  expect(readIssuerToken('at+jwt', account, issuer)).toMatchObject({
    kind: 'account',
    generation: 2,
    key: { kind: 'jkt', thumbprint: 'x' },
  })
  expect(readIssuerToken('at+jwt', { ...account, cnf: undefined }, issuer)).toMatchObject({ kind: 'account', key: undefined })
  expect(readIssuerToken('agent-delegation+jwt', { ...delegation, account_ttl: 60, quota: { tokens: 1 } }, issuer)).toMatchObject(
    {
      kind: 'delegation',
      delegateId: '00000000-0000-0000-0000-000000000002',
      permission: { scopes: ['orders:read'], details: [] },
      depth: 2,
      maxDepth: 3,
      accountTtlSeconds: 60,
      quota: { tokens: 1 },
    },
  )
})

describe('neither passes for the other, nor anything else for one of them', () => {
  test.each<[name: string, typ: string | undefined, payload: Record<string, unknown>]>([
    ['an account token typed as a delegation', 'agent-delegation+jwt', account],
    ['a delegation typed as an access token', 'at+jwt', delegation],
    ['an account token that names who may act', 'at+jwt', { ...account, may_act: delegation.may_act }],
    ['no typ', undefined, account],
    ['another typ', 'agent-task+jwt', account],
    ['the audience of a resource', 'at+jwt', { ...account, aud: 'https://orders.example' }],
    ['several audiences', 'at+jwt', { ...account, aud: [issuer] }],
    ['another issuer', 'at+jwt', { ...account, iss: 'https://other.example' }],
    ['more scope', 'at+jwt', { ...account, scope: 'account orders:read' }],
    ['no scope', 'at+jwt', { ...account, scope: undefined }],
    ['an unreadable cnf', 'at+jwt', { ...account, cnf: {} }],
    ['two keys', 'at+jwt', { ...account, cnf: { jkt: 'x', 'x5t#S256': 'y' } }],
    ['no account', 'at+jwt', { ...account, account_id: 'acct_1' }],
    ['no generation', 'at+jwt', { ...account, gen: undefined }],
    ['an end that is no number', 'at+jwt', { ...account, exp: '100' }],
    [
      'who may act of another issuer',
      'agent-delegation+jwt',
      { ...delegation, may_act: { ...delegation.may_act, iss: 'https://other.example' } },
    ],
    ['who may act without issuer', 'agent-delegation+jwt', { ...delegation, may_act: { sub: id('agt', 2) } }],
    ['nobody who may act', 'agent-delegation+jwt', { ...delegation, may_act: undefined }],
    ['a depth below zero', 'agent-delegation+jwt', { ...delegation, delegation: { depth: -1, max_depth: 3 } }],
    ['details of an unknown type', 'agent-delegation+jwt', { ...delegation, authorization_details: [{ type: 'x' }] }],
  ])('%s', (_, typ, payload) => expect(readIssuerToken(typ, payload, issuer)).toBeUndefined())
})
