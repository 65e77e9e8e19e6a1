// The management API on a database of its own, bootstrapped, with a client that speaks JSON. No TLS: Fastify's injection.

import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { createBaseApp } from '#apps/broker/http/base-app.ts'
import { createCursors } from '#apps/broker/http/cursor.ts'
import { v1Routes } from '#apps/broker/routes/v1/v1-routes.ts'
import { createLogger } from '#apps/process/logger.ts'
import { Rejections } from '#core/exchange/rejections.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
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
  call(method: string, url: string, token?: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** Without any tenant. */
export async function startManagement(): Promise<Management> {
  const test = await createTestDatabase()
  const logLines: string[] = []
  const kek = randomBytes(32)
  const people = await createPeople()
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
      addressOf: ({ socket }) => socket.remoteAddress ?? '',
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
    const json = /json/.test(String(response.headers['content-type'])) ? response.json() : undefined
    return { status: response.statusCode, headers: response.headers, body: json, text: response.body }
  }
  const close = async () => {
    await app.close()
    await test.close()
  }
  return { ...test, app, logLines, kek, people, call, close }
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
