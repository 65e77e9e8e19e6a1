import { describe, expect, test } from 'vitest'
import { formatId, newUuid } from '#core/ids/id.ts'
import { credentialChange, deliveredEvents, requestableEvents, sessionRevoked } from '#core/ssf/event-types.ts'
import { claimsOf, type RevocationRow } from '#core/ssf/security-event.ts'
import { revocationSetId } from '#core/ssf/set-id.ts'

const iss = 'https://broker.example/t/acme'
const stream = { id: newUuid(), shard: newUuid(), issuer: iss, audience: 'https://receiver.example' }
const account = newUuid()
const row = (changes: Partial<RevocationRow>): RevocationRow => ({
  epoch: 42,
  id: '0198c0ff-ee00-7000-8000-0000000000aa',
  atMs: 1_795_305_600_900,
  kind: 'a',
  subject: formatId('account', account),
  least: 3,
  cause: 'revoke',
  by: { actor_role: 'tenant-admin' },
  ...changes,
})

describe('a revocation as a SET', () => {
  test('has the claims that SSF 1.0 asks for and none that make it an access token', () => {
    const claims = claimsOf(row({}), stream)
    expect(claims).toEqual({
      iss,
      jti: revocationSetId(stream.id, stream.shard, 42),
      iat: 1_795_305_600,
      aud: stream.audience,
      txn: 'rev_0198c0ffee00700080000000000000aa',
      sub_id: { format: 'iss_sub', iss, sub: formatId('account', account) },
      events: {
        [sessionRevoked]: {
          event_timestamp: 1_795_305_600,
          initiating_entity: 'admin',
          reason_admin: { en: 'The account was revoked.' },
          version: 42,
          least_generation: 3,
        },
      },
    })
    for (const name of ['sub', 'exp', 'nbf', 'scope', 'client_id']) expect(claims).not.toHaveProperty(name)
  })

  test('is the same at every attempt', () => {
    expect(JSON.stringify(claimsOf(row({}), stream))).toBe(JSON.stringify(claimsOf(row({}), stream)))
  })

  test.each<[string, Partial<RevocationRow>, object, object]>([
    [
      'a tree: its root, whose account is the sub of all its tokens',
      { kind: 'x', subject: formatId('transaction', account) },
      { format: 'iss_sub', iss, sub: formatId('account', account) },
      { descendants: true, least_generation: 3 },
    ],
    ['a token', { kind: 'j', subject: 'at_1', least: null, cause: 'token' }, { format: 'jwt_id', iss, jti: 'at_1' }, {}],
    [
      'an agent',
      { kind: 'c', subject: 'agt_1', least: 9, cause: 'agent' },
      { format: 'complex', application: { format: 'iss_sub', iss, sub: 'agt_1' } },
      { least_config: 9 },
    ],
    [
      'everything of the issuer',
      { kind: 't', subject: iss, least: 9, cause: 'tenant' },
      { format: 'complex', tenant: { format: 'uri', uri: iss } },
      { least_config: 9 },
    ],
  ])('names %s', (_, changes, subId, more) => {
    const { sub_id, events } = claimsOf(row(changes), stream)
    expect(sub_id).toEqual(subId)
    expect(events[sessionRevoked]).toMatchObject(more)
  })

  test('of a key is a change of a credential', () => {
    const { sub_id, events } = claimsOf(row({ kind: 'k', subject: 'thumbprint', least: null, cause: 'key' }), stream)
    expect(sub_id).toEqual({ format: 'opaque', id: 'thumbprint' })
    expect(events).toEqual({
      [credentialChange]: expect.objectContaining({ credential_type: 'jwk', change_type: 'revoke', version: 42 }),
    })
  })

  test.each<[string, Partial<RevocationRow>, string]>([
    ['an operator', {}, 'admin'],
    ['the agent itself', { cause: 'complete', by: { actor: 'agt_1' } }, 'system'],
    ['a person who claims', { cause: 'claim', by: { person: 'psn_1' } }, 'user'],
    ['nobody that is known', { cause: 'agent', by: null }, 'system'],
  ])('by %s says so', (_, changes, entity) => {
    const [event] = Object.values(claimsOf(row(changes), stream).events)
    expect(event).toMatchObject({ initiating_entity: entity, reason_admin: { en: expect.stringMatching(/\.$/) } })
  })
})

test('a stream gets what it asked for, as far as there is such an event, and all when it named none', () => {
  expect(deliveredEvents(undefined)).toEqual(requestableEvents)
  expect(deliveredEvents([credentialChange, 'https://example.com/other'])).toEqual([credentialChange])
  expect(deliveredEvents([])).toEqual([])
})
