import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameClaims, prepareClaims } from '#core/exchange/claims.ts'
import { formatId, newId, newUuid } from '#core/ids/id.ts'
import { issuerResource } from '#core/issuer-token/issuer-resource.ts'
import { readRevocable } from '#core/revocation/revocable.ts'

const header = { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }
const issuer = 'https://broker.example'
const [accountId, rootId] = [newUuid(), newUuid()]
const actors = [newId('agent'), newId('agent')]
const input = {
  ...{ issuer, configEpoch: 17, clientId: newId('agent'), accountId, generation: 2, taskId: 'task', resourceHash: 'hash' },
  chain: { rootId, actors, depth: 2, maxDepth: 4 },
  resource: issuerResource(issuer),
  granted: { details: [], scopes: ['account'] },
  ...{
    key: undefined,
    tokenId: newId('token'),
    nonce: 'nonce-nonce',
    idJagAudience: undefined,
    issuedSeconds: 1,
    expiresSeconds: 2,
  },
} as unknown as Parameters<typeof prepareClaims>[0]
const payload = JSON.parse(prepareClaims(input, frameClaims(input)).canonical) as Record<string, unknown>

describe('what the feed may be about', () => {
  test('is read from the claims that every token has, with each agent of its chain', () => {
    expect(readRevocable({ header, payload })).toEqual({
      ...{ issuer, kid: 'key-1', tokenId: input.tokenId, generation: 2, configEpoch: 17 },
      ...{ accountId: formatId('account', accountId), rootId: formatId('account', rootId) },
      transaction: formatId('transaction', rootId),
      agents: [input.clientId, ...actors],
    })
  })

  test.each(['iss', 'jti', 'account_id', 'sub', 'txn', 'gen', 'cfg', 'client_id'])(
    'cannot be told of a token without %s, or with another kind of value there: it must not pass for good',
    name => {
      const { [name]: _, ...rest } = payload
      for (const bent of [rest, { ...rest, [name]: null }, { ...rest, [name]: [] }, { ...rest, [name]: 1.5 }])
        expect(readRevocable({ header, payload: bent })).toBeUndefined()
    },
  )

  test('cannot be told without the key’s name, nor through a chain that is none or has no end', () => {
    expect(readRevocable({ header: { ...header, kid: undefined }, payload })).toBeUndefined()
    let endless: unknown = { sub: 'agt_x' }
    for (let i = 0; i < 20; i++) endless = { sub: `agt_${i}`, act: endless }
    for (const act of ['agt_x', null, {}, { sub: 1 }, { sub: 'agt_x', act: 'agt_y' }, endless])
      expect(readRevocable({ header, payload: { ...payload, act } })).toBeUndefined()
  })

  test('names every actor of any chain, whatever its length (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.uuid(), { maxLength: 16 }), chain => {
        const act = chain.reduceRight<unknown>((inner, sub) => ({ sub, ...(inner !== undefined && { act: inner }) }), undefined)
        const read = readRevocable({ header, payload: { ...payload, act } })
        expect(new Set(read?.agents)).toEqual(new Set([input.clientId, ...chain]))
      }),
    )
  })
})
