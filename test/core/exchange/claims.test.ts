import { createHash, randomUUID } from 'node:crypto'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ClaimsInput, prepareClaims, tokenTyp, withReceipt } from '#core/exchange/claims.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import { permission } from '../permission/arbitraries.ts'
import { audience, makeResource } from '../subject/snapshot.ts'

const input: ClaimsInput = {
  issuer: audience,
  configEpoch: 17,
  clientId: `agt_${'1'.repeat(32)}`,
  accountId: '01900000-0000-7000-8000-000000000001',
  generation: 1,
  chain: { rootId: '01900000-0000-7000-8000-000000000001', depth: 0, maxDepth: 4, actors: [] },
  taskId: 'build-42',
  resource: makeResource(),
  granted: { details: [], scopes: ['orders:read'] },
  idJagAudience: undefined,
  resourceHash: 'h'.repeat(43),
  key: { kind: 'x5t#S256', thumbprint: 't'.repeat(43) },
  tokenId: `at_${'2'.repeat(32)}`,
  nonce: 'n'.repeat(22),
  issuedSeconds: 1_795_305_600,
  expiresSeconds: 1_795_305_900,
}

const anyInput = fc
  .record({
    granted: permission,
    taskId: fc.stringMatching(/^[\x21-\x7e]{1,128}$/),
    nonce: fc.stringMatching(/^[A-Za-z0-9_.~-]{8,128}$/),
    key: fc.option(fc.record({ kind: fc.constantFrom('x5t#S256', 'jkt'), thumbprint: fc.constant('t'.repeat(43)) }), {
      nil: undefined,
    }),
    replay: fc.constantFrom('pop', 'once', 'challenge'),
    idx: fc.option(fc.nat(65_535), { nil: undefined }),
  })
  .map(
    ({ granted, taskId, nonce, key, replay, idx }): ClaimsInput => ({
      ...input,
      granted,
      taskId,
      nonce,
      key: key as ClaimsInput['key'],
      resource: makeResource({ replay }),
      status: idx === undefined ? undefined : { list: randomUUID(), idx, uri: 'https://broker.example/status-lists/stl_0.A-_' },
    }),
  )

describe('claims', () => {
  test('are canonical JSON as they are written, whatever is granted', () => {
    fc.assert(
      fc.property(anyInput, made => {
        const { canonical, hash } = prepareClaims(made)
        expect(canonical).toBe(canonicalJson(JSON.parse(canonical)))
        expect(canonical).toBe(canonicalize(JSON.parse(canonical)))
        expect(hash).toBe(createHash('sha256').update(canonical).digest('base64url'))
      }),
    )
  })

  test('with the receipt behind them are the same claims and `evt`', () => {
    fc.assert(
      fc.property(anyInput, made => {
        const claims = prepareClaims(made)
        const { evt, ...rest } = JSON.parse(withReceipt(claims, 'e'.repeat(43))) as Record<string, unknown>
        expect(evt).toBe('e'.repeat(43))
        expect(canonicalJson(rest), 'what an auditor recomputes from a token').toBe(claims.canonical)
      }),
    )
  })

  test('say where the token stands in a status list (draft-ietf-oauth-status-list § 6.2)', () => {
    const uri = 'https://broker.example/status-lists/stl_1'
    const claims = JSON.parse(prepareClaims({ ...input, status: { list: randomUUID(), idx: 7, uri } }).canonical) as object
    expect(claims).toEqual({ ...JSON.parse(prepareClaims(input).canonical), status: { status_list: { idx: 7, uri } } })
  })

  test('say all that a verifier must know, and nothing else (standards § Task token)', () => {
    const account = `acct_${input.accountId.replaceAll('-', '')}`
    expect(JSON.parse(prepareClaims(input).canonical)).toEqual({
      iss: input.issuer,
      sub: account,
      account_id: account,
      gen: 1,
      cfg: 17,
      aud: input.resource.uri,
      client_id: input.clientId,
      iat: input.issuedSeconds,
      exp: input.expiresSeconds,
      jti: input.tokenId,
      txn: account.replace('acct', 'txn'),
      scope: 'orders:read',
      act: { sub: input.clientId, iss: input.issuer, sub_profile: 'ai_agent' },
      cnf: { 'x5t#S256': input.key!.thumbprint },
      task_id: input.taskId,
      nonce: input.nonce,
      replay: 'pop',
      resource_hash: input.resourceHash,
      delegation: { depth: 0, max_depth: 4 },
    })
  })

  test('leave out what is not there: cnf, scope, authorization_details', () => {
    const bare = JSON.parse(prepareClaims({ ...input, key: undefined, granted: { details: [], scopes: [] } }).canonical) as object
    for (const name of ['cnf', 'scope', 'authorization_details']) expect(bare).not.toHaveProperty([name])
  })
})

test('a token that must be used up has a type that a stock validator does not know', () => {
  expect([tokenTyp('pop'), tokenTyp('once'), tokenTyp('challenge')]).toEqual(['at+jwt', 'agent-task+jwt', 'agent-task+jwt'])
})

test('two root accounts never share a transaction', () => {
  const txn = (accountId: string) =>
    (
      JSON.parse(prepareClaims({ ...input, accountId, chain: { ...input.chain, rootId: accountId } }).canonical) as {
        txn: string
      }
    ).txn
  expect(txn(randomUUID())).not.toBe(txn(randomUUID()))
})
