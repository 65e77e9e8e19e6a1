// The management API on a database of its own, bootstrapped, with a client that speaks JSON. No TLS: Fastify's injection.

import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { createAccountApi } from '#apps/broker/account-api.ts'
import { createBaseApp } from '#apps/broker/http/base-app.ts'
import { createCursors } from '#apps/broker/http/cursor.ts'
import { v1Routes } from '#apps/broker/routes/v1/v1-routes.ts'
import { SealedLogs } from '#apps/broker/sealed-logs.ts'
import { createLogger } from '#apps/process/logger.ts'
import { AccountStore } from '#core/account/account-store.ts'
import { Ceilings } from '#core/account/ceilings.ts'
import { GroupCommit } from '#core/audit/group-commit.ts'
import { openLogStreams } from '#core/audit/stream/open-log-streams.ts'
import { Rejections } from '#core/exchange/rejections.ts'
import { deriveMac } from '#core/ids/derive-mac.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { Keyring } from '#core/keys/keyring.ts'
import { SubjectKeys } from '#core/keys/subject-keys.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { createLeaser } from '#core/quota/leaser.ts'
import { Quotas } from '#core/quota/quotas.ts'
import { TenantDirectory } from '#core/registry/directory.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import { type ClaimRenewal, readAccounts, readSubjectKeys, replaceClaimHash } from '#db/accounts/read-accounts.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'
import { appendBatch } from '#db/log/append.ts'
import { leaseQuota } from '#db/quota/lease.ts'
import { readCeilings } from '#db/registry/read-ceilings.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type OutsideDeps, outsideDepsOf, World } from '#test/setup/outside.ts'
import { createPeople, type People } from '#test/setup/people.ts'

const baseUrl = 'https://broker.example'
const clock = { nowMs: () => Date.now() }

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any
  readonly text: string
}

export interface Management extends TestDatabase {
  readonly app: FastifyInstance
  readonly logLines: string[]
  readonly kek: Buffer
  /** An OpenID provider for operators, and who can sign in there. */
  readonly people: People
  /** What is attached to accounts. */
  readonly world: World
  readonly attachments: OutsideDeps
  call(method: string, url: string, token?: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** Without any tenant. */
export async function startManagement(): Promise<Management> {
  const test = await createTestDatabase()
  const logLines: string[] = []
  const kek = randomBytes(32)
  const people = await createPeople()
  const world = new World()
  const attachments = outsideDepsOf(test, world, {
    keyEncryption: new LocalKeyEncryption(kek),
    ceilings: new Ceilings(ids => readCeilings(test.database.db, ids)),
  })
  const app = await createBaseApp({ logger: createLogger('broker', 'debug', line => logLines.push(line)), baseUrl })
  app.register(
    v1Routes({
      db: test.database.db,
      clock,
      baseUrl,
      keyEncryption: new LocalKeyEncryption(kek),
      cursors: createCursors(randomBytes(32)),
      jwks: new JwksStore(source => people.fetchKeys(source)),
      rejections: new Rejections(clock),
      logStreams: openLogStreams(test.database, clock.nowMs),
      logs: new SealedLogs(undefined, test.database.db),
      attachments,
      addressOf: ({ socket }) => socket.remoteAddress ?? '',
      accounts: createAccounts(test.database, kek),
    }),
  )
  await app.ready()
  const call: Management['call'] = async (method, url, token, body, headers = {}) => {
    const options: InjectOptions = {
      method: method as 'GET',
      url,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    }
    const response = await app.inject(options)
    const json = /[/+]json/.test(String(response.headers['content-type'])) ? response.json() : undefined
    return { status: response.statusCode, headers: response.headers, body: json, text: response.body }
  }
  const close = async () => {
    await app.close()
    await test.close()
  }
  return { ...test, app, logLines, kek, people, world, attachments, call, close }
}

/** As `apps/broker/deps.ts` wires them. */
function createAccounts(database: Database, kek: Buffer) {
  const { sql, db } = database
  const keyEncryption = new LocalKeyEncryption(kek)
  const databaseClock = new DatabaseClock()
  const directory = new TenantDirectory({ db, keyring: new Keyring(keyEncryption), baseUrl })
  const exchange = {
    accounts: new AccountStore((ids, keys) => readAccounts(sql, ids, keys)),
    ceilings: new Ceilings(ids => readCeilings(db, ids)),
    clock,
    log: new GroupCommit({ clock: databaseClock, commit: requests => appendBatch(sql, requests), reconnect: () => {} }),
    quotas: new Quotas({
      clock,
      lease: createLeaser(rows => leaseQuota(sql, rows)),
      addressMac: deriveMac(kek, 'a test'),
      groupOf: address => address,
    }),
    replaceClaimHash: (renewal: ClaimRenewal) => replaceClaimHash(sql, renewal),
    subjectKeys: new SubjectKeys(keyEncryption, names => readSubjectKeys(sql, names)),
  }
  const transition: Parameters<typeof createAccountApi>[0]['transition'] = changes => transitionAccounts(sql, changes)
  return createAccountApi({ exchange, directory, database, transition, secret: kek })
}

export interface Operators {
  readonly tenant: string
  readonly platformAdmin: string
  readonly tenantAdmin: string
  readonly auditor: string
  /** Another tenant's admin. */
  readonly otherAdmin: string
  readonly otherTenant: string
}

/** Two tenants with an admin each, and an auditor of the first. */
export async function bootstrap({ call, database }: Management): Promise<Operators> {
  const token = await createBootstrapToken(database.db, clock.nowMs())
  const { body } = await call('POST', '/v1/bootstrap', token, { tenant: { slug: 'acme', name: 'Acme' } })
  const [platformAdmin, tenantAdmin] = body.operators.map((operator: { token: string }) => operator.token)
  const other = await call('POST', '/v1/tenants', platformAdmin, { slug: 'other', name: 'Other' })
  const otherAdmin = await call('POST', '/v1/operators', platformAdmin, {
    name: 'admin',
    role: 'tenant-admin',
    tenant: other.body.id,
  })
  const auditor = await call('POST', '/v1/operators', tenantAdmin, { name: 'auditor', role: 'auditor' })
  return {
    tenant: body.tenant.id,
    platformAdmin,
    tenantAdmin,
    auditor: auditor.body.token,
    otherAdmin: otherAdmin.body.token,
    otherTenant: other.body.id,
  }
}

export const openIdSource = { kind: 'openid', name: 'ci', issuer: 'https://ci.example', algorithms: ['RS256'] }
export const ordersApi = {
  uri: 'https://api.example/orders',
  name: 'Orders',
  scopes: [{ name: 'orders:read', description: 'Read orders' }],
  details_types: ['agent_http'],
  enforces: ['cnf', 'rar'],
}
export const reporter = (trustSource: string) => ({
  name: 'reporter',
  owner: 'data team',
  review_on: '2099-01-31',
  rules: [{ trust_source: trustSource, claims: { sub: 'repo:acme/reports:ref:refs/heads/*' } }],
  ceiling: { scope: 'orders:read' },
})
