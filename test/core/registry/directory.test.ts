import { randomBytes, randomUUID } from 'node:crypto'
import type { KyselyPlugin } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { Keyring } from '#core/keys/keyring.ts'
import type { Principal } from '#core/operators/principal.ts'
import { registerAgent } from '#core/registry/agents.ts'
import { TenantDirectory } from '#core/registry/directory.ts'
import { registerResource } from '#core/registry/resources.ts'
import { createTenant, createTenantKeys } from '#core/registry/tenants.ts'
import { registerTrustSource } from '#core/registry/trust-sources.ts'
import { openDatabase } from '#db/connect.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let testDb: TestDatabase
let firstId: string
let otherId: string
const kek = new LocalKeyEncryption(randomBytes(32))
const baseUrl = 'https://broker.example'
const now = () => Date.now()

const makeTenant = async (slug: string, isFirst: boolean) => {
  const id = newUuid()
  const keys = await createTenantKeys(kek, id, now())
  await testDb.database.db
    .forTenant(null)
    .transaction()
    .execute(trx => createTenant(trx, undefined, { id, slug, name: slug, isFirst, keys }, now()))
  return id
}
const actorOf = (tenantId: string): Principal => ({
  credentialId: randomUUID(),
  role: 'tenant-admin',
  tenantId,
  resourceId: undefined,
})
const addResource = (tenantId: string, uri: string) =>
  testDb.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx =>
      registerResource(
        trx,
        { actor: actorOf(tenantId), tenantId, baseUrl, nowMs: now() },
        { uri, name: 'x', scopes: [{ name: 'a', description: 'a' }], enforces: ['cnf'] },
      ),
    )

beforeAll(async () => {
  testDb = await createTestDatabase()
  firstId = await makeTenant('acme', true)
  otherId = await makeTenant('other', false)
})
afterAll(() => testDb.close())

const newDirectory = () => new TenantDirectory({ db: testDb.database.db, keyring: new Keyring(kek), baseUrl })

describe('a snapshot', () => {
  test('holds everything of the tenant and of no other, with its epoch', async () => {
    const change = { actor: actorOf(otherId), tenantId: otherId, baseUrl, nowMs: now() }
    const source = await testDb.database.db
      .forTenant(otherId)
      .transaction()
      .execute(trx => registerTrustSource(trx, change, { kind: 'openid', name: 'ci', issuer: 'https://ci.example' }))
    await addResource(otherId, 'https://api.example/a')
    await addResource(firstId, 'https://api.example/b')
    const input = {
      name: 'x',
      owner: 'x',
      review_on: '2099-01-01',
      rules: [{ trust_source: `src_${source.id.replaceAll('-', '')}`, claims: { sub: 'a:*' } }],
      ceiling: { scope: 'b a' },
    }
    const agent = await testDb.database.db
      .forTenant(otherId)
      .transaction()
      .execute(trx => registerAgent(trx, change, input))
    const snapshot = (await newDirectory().resolve('other'))!
    expect(snapshot.tenant).toEqual({
      id: otherId,
      slug: 'other',
      name: 'other',
      isFirst: false,
      issuer: 'https://broker.example/t/other',
    })
    expect([...snapshot.resourcesByUri.keys()]).toEqual(['https://api.example/a'])
    expect(snapshot.trustSources.get(source.id)).toMatchObject({
      kind: 'openid',
      audience: 'https://broker.example/t/other',
      maxAgeSeconds: 3600,
    })
    expect(snapshot.agents.get(agent.id)).toMatchObject({
      clientId: `agt_${agent.id.replaceAll('-', '')}`,
      reviewOn: '2099-01-01',
      rules: [{ trust_source: source.id, claims: { sub: 'a:*' } }],
      ceiling: { details: [], scopes: ['a', 'b'] },
      settings: { binding: 'pop', token_ttl_seconds: 300 },
    })
    expect([...snapshot.signers.keys()].sort()).toEqual(['ES256', 'RS256'])
    const [row] = await testDb.admin<{ e: bigint }[]>`select config_epoch as e from mayfly.tenant where id = ${otherId}`
    expect(snapshot.configEpoch).toBe(Number(row!.e))
  })

  test('signs with active keys, publishes retiring ones too, and neither with retired ones', async () => {
    const id = await makeTenant('keys', false)
    const keys = await testDb.admin<
      { kid: string; alg: string }[]
    >`select kid, alg from mayfly.signing_key where tenant_id = ${id} order by alg`
    await testDb.admin`update mayfly.signing_key set state = 'retiring' where kid = ${keys[0]!.kid}`
    await testDb.admin`update mayfly.signing_key set state = 'retired' where kid = ${keys[1]!.kid}`
    const snapshot = (await newDirectory().resolve('keys'))!
    expect(snapshot.signers.size).toBe(0)
    expect(snapshot.jwks.keys.map(key => key['kid'])).toEqual([keys[0]!.kid])
  })
})

describe('a path', () => {
  test('without a slug names the first tenant, with a slug one of the others, and nothing else', async () => {
    const directory = newDirectory()
    expect((await directory.resolve(undefined))?.tenant.id).toBe(firstId)
    expect((await directory.resolve('other'))?.tenant.id).toBe(otherId)
    for (const slug of ['', 'acme', 'nobody', 'OTHER', 'other ', '../other', "'", '%00', 'x'.repeat(100)])
      expect(await directory.resolve(slug)).toBeUndefined()
  })

  /** The queries that `work` makes a directory send. */
  async function queriesOf(work: (directory: TenantDirectory) => Promise<unknown>): Promise<string[]> {
    const queries: string[] = []
    const own = openDatabase(testDb.urls.app, { poolSize: 1 })
    const counting: KyselyPlugin = {
      transformQuery: ({ node }) => {
        queries.push(node.kind)
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const db = {
      getExecutor: () => own.db.getExecutor().withPlugin(counting),
      forTenant: (id: string | null) => own.db.forTenant(id).withPlugin(counting),
    } as UnscopedDb
    await work(new TenantDirectory({ db, keyring: new Keyring(kek), baseUrl }))
    await own.close()
    return queries
  }

  test('is recalled without waiting once it is loaded, until it is old, and names the same as when it is looked up', async () => {
    const directory = newDirectory()
    for (const slug of [undefined, 'other']) {
      expect(directory.recall(slug)).toBeUndefined()
      const snapshot = await directory.resolve(slug)
      expect(directory.recall(slug)).toBe(snapshot)
    }
    for (const slug of ['', 'acme', 'nobody', '__proto__']) expect(directory.recall(slug)).toBeUndefined()
    directory.invalidateAll()
    expect(directory.recall(undefined)).toBeUndefined()
  })

  test('that names nobody costs one query in a while, however often it is asked for', async () => {
    const queries = await queriesOf(async directory => {
      await Promise.all(Array.from({ length: 20 }, () => directory.resolve('ghost')))
      for (let i = 0; i < 20; i++) await directory.resolve('ghost')
    })
    expect(queries).toHaveLength(1)
  })

  test('is looked up together with all others that are asked for meanwhile, so that inventing slugs costs little', async () => {
    const queries = await queriesOf(async directory => {
      const asked = Array.from({ length: 300 }, (_, n) => directory.resolve(`nobody-${n}`))
      expect((await directory.resolve('other'))?.tenant.id).toBe(otherId)
      expect(await Promise.all(asked)).toEqual(asked.map(() => undefined))
    })
    // Beside the look-up, the registry of the one that exists.
    expect(queries.length).toBeLessThanOrEqual(3)
  })
})

describe('freshness', () => {
  test('refresh reads again after the call, and shares one read among many', async () => {
    const directory = newDirectory()
    const before = (await directory.resolve('other'))!
    const running = directory.refresh(otherId)
    await addResource(otherId, 'https://api.example/refresh')
    await running
    const [alone, first, second] = [directory.refresh(otherId), directory.refresh(otherId), directory.refresh(otherId)]
    expect(first).not.toBe(alone)
    expect(second).toBe(first)
    await alone
    expect((await first)?.resourcesByUri.has('https://api.example/refresh')).toBe(true)
    expect((await directory.resolve('other'))?.configEpoch).toBeGreaterThan(before.configEpoch)
  })

  test('a committed change is heard of, also after the listening connection was cut', async () => {
    const directory = newDirectory()
    const listener = await directory.listen(testDb.database.sql)
    await directory.resolve('other')
    await addResource(otherId, 'https://api.example/heard')
    const has = async (uri: string) => expect((await directory.resolve('other'))?.resourcesByUri.has(uri)).toBe(true)
    await vi.waitFor(() => has('https://api.example/heard'))

    await testDb.admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'`
    await addResource(otherId, 'https://api.example/missed')
    await vi.waitFor(() => has('https://api.example/missed'), { timeout: 10_000 })
    await listener.close()
  })

  test('a new tenant is found although its slug was asked for before', async () => {
    const directory = newDirectory()
    const listener = await directory.listen(testDb.database.sql)
    expect(await directory.resolve('late')).toBeUndefined()
    const id = await makeTenant('late', false)
    await vi.waitFor(async () => expect((await directory.resolve('late'))?.tenant.id).toBe(id))
    await listener.close()
  })

  test('while a change is being read, nobody is given what was before it', async () => {
    const directory = newDirectory()
    await directory.resolve('other')
    await addResource(otherId, 'https://api.example/while')
    directory.invalidate(otherId)
    const reading = directory.resolve('other')
    expect(directory.recall('other')).toBeUndefined()
    const others = await Promise.all([directory.resolve('other'), directory.find(otherId)])
    for (const other of others) expect(other).toBe(await reading)
    expect((await reading)?.resourcesByUri.has('https://api.example/while')).toBe(true)
    expect(directory.recall('other')).toBe(await reading)
  })

  test('a failed reload leaves the tenant marked, and the next who asks tries again', async () => {
    const directory = newDirectory()
    await directory.resolve('other')
    await addResource(otherId, 'https://api.example/retried')
    directory.invalidate(otherId)
    await testDb.admin`alter table mayfly.agent rename to agent_away`
    await expect(directory.resolve('other')).rejects.toThrow()
    await testDb.admin`alter table mayfly.agent_away rename to agent`
    expect((await directory.resolve('other'))?.resourcesByUri.has('https://api.example/retried')).toBe(true)
  })
})
