import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatId } from '#core/ids/id.ts'
import { appendBatch, type NewTokenStatus } from '#db/log/append.ts'
import { isRevoked } from '#db/revocation/find-revoked.ts'
import { readRevokedPlaces } from '#db/status-list/read-list.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createTenant, inSeconds, makeRequest, makeStatus } from '../log/requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

const issuer = 'https://broker.example'
const read = (list: string, tenant = tenantId) => readRevokedPlaces(db.database.db.forTenant(tenant), tenant, list)
const keep = (tokens: NewTokenStatus[]) =>
  appendBatch(
    db.database.sql,
    tokens.map(status => makeRequest(status.tenant, { status })),
  )

interface Entry {
  readonly kind: string
  readonly subject: string
  readonly least?: number | null
  readonly until?: number
}
async function revoke(entries: readonly Entry[], tenant = tenantId): Promise<void> {
  for (const { kind, subject, least = null, until = inSeconds(300) } of entries)
    await db.admin`
      insert into mayfly.revocation (tenant_id, epoch, id, at, kind, subject, match, least, until, cause)
      select ${tenant}, coalesce(max(epoch), 0) + 1, gen_random_uuid(), now(), ${kind}, ${subject}, log.match_of(${subject}), ${least},
             to_timestamp(${until}), 'test' from mayfly.revocation where tenant_id = ${tenant}`
}

describe('a list', () => {
  test('is unknown where nobody stands in it, and in any other tenant', async () => {
    const token = makeStatus(tenantId)
    await keep([token])
    expect(await read(token.list)).toEqual([])
    expect(await read(randomUUID())).toBeUndefined()
    expect(await read(token.list, await createTenant(db.admin))).toBeUndefined()
  })

  test('tells of no token that has ended, and heeds no entry that concerns none any more', async () => {
    const [ended, alive] = [makeStatus(tenantId, { until: inSeconds(-1) }), makeStatus(tenantId, { idx: 8 })]
    await keep([ended, { ...alive, list: ended.list }])
    await revoke([
      { kind: 'j', subject: formatId('token', ended.token) },
      { kind: 'j', subject: formatId('token', alive.token), until: inSeconds(-1) },
    ])
    expect(await read(ended.list)).toEqual([])
  })

  test('is untouched by another tenant’s entries, though they name the same', async () => {
    const token = makeStatus(tenantId)
    await keep([token])
    await revoke([{ kind: 'j', subject: formatId('token', token.token) }], await createTenant(db.admin))
    expect(await read(token.list)).toEqual([])
  })

  test('survives an entry whose subject is no id', async () => {
    const token = makeStatus(tenantId)
    await keep([token])
    await revoke([
      { kind: 'j', subject: 'at_nonsense' },
      { kind: 'a', subject: '', least: 5 },
      { kind: 'k', subject: 'no such key' },
    ])
    expect(await read(token.list)).toEqual([])
  })
})

test('a list says of every token what the feed says of it, whatever was revoked', async () => {
  const small = fc.integer({ min: 1, max: 3 })
  const few = (kind: 'a' | 'b' | 'c') =>
    fc.constantFrom(...Array.from({ length: 3 }, (_, n) => `0000000${n}-0000-7000-8000-00000000000${kind}`))
  const token = fc.record({
    account: few('a'),
    root: few('a'),
    agents: fc.array(few('b'), { minLength: 1, maxLength: 3 }),
    generation: small,
    config: small,
    kid: fc.constantFrom('k1', 'k2'),
  })
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    fc.record({ kind: fc.constant('a'), subject: few('a').map(id => formatId('account', id)), least: small }),
    fc.record({ kind: fc.constant('x'), subject: few('a').map(id => formatId('transaction', id)), least: small }),
    fc.record({ kind: fc.constant('c'), subject: few('b').map(id => formatId('agent', id)), least: small }),
    fc.record({ kind: fc.constant('k'), subject: fc.constantFrom('k1', 'k2') }),
    fc.record({ kind: fc.constant('t'), subject: fc.constant(issuer), least: small }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(token, { minLength: 1, maxLength: 12 }),
      fc.array(entry, { maxLength: 4 }),
      async (made, entries) => {
        const list = randomUUID()
        const tokens = made.map((one, idx) => makeStatus(tenantId, { ...one, list, idx }))
        await db.admin`delete from mayfly.revocation where tenant_id = ${tenantId}`
        await keep(tokens)
        await revoke([...entries, { kind: 'j', subject: formatId('token', tokens[0]!.token) }])
        const refused = await Promise.all(
          tokens.map(one => isRevoked(db.database.db.forTenant(tenantId), tenantId, claimsOf(one))),
        )
        expect(await read(list)).toEqual(tokens.filter((_, n) => refused[n]).map(({ idx }) => idx))
      },
    ),
    { numRuns: 40 },
  )
})

const claimsOf = (token: NewTokenStatus) => ({
  issuer,
  kid: token.kid,
  tokenId: formatId('token', token.token),
  accountId: formatId('account', token.account),
  rootId: formatId('account', token.root),
  transaction: formatId('transaction', token.root),
  generation: token.generation,
  configEpoch: token.config,
  agents: token.agents.map(agent => formatId('agent', agent)),
})
