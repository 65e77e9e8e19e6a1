import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { issuerOf } from '#core/registry/issuer.ts'
import { createTenant, createTenantKeys } from '#core/registry/tenants.ts'
import { findTenant, listTenants, type TenantRow } from '#db/registry/tenants.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { answerChange } from './change.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import {
  closed,
  Id,
  IdempotencyHeader,
  IdParams,
  Name,
  operatorSecurity,
  PageOf,
  PageQuery,
  problems,
  Slug,
  Time,
} from './schemas.ts'

export const TenantBody = Type.Object({ slug: Slug, name: Name }, { ...closed, examples: [{ slug: 'acme', name: 'Acme Ltd' }] })
export const TenantView = Type.Object(
  {
    id: Id('tenant'),
    slug: Slug,
    name: Name,
    issuer: Type.String({ description: 'The `iss` of its tokens.' }),
    created_at: Time,
  },
  closed,
)

const base = { tags: ['tenant'], security: operatorSecurity }

export function tenantRoutes(app: V1App, deps: V1Deps): void {
  registerCreate(app, deps)
  registerReads(app, deps)
}

function registerCreate(app: V1App, deps: V1Deps): void {
  app.post(
    '/v1/tenants',
    {
      schema: {
        ...base,
        summary: 'Create a tenant with its signing keys',
        headers: IdempotencyHeader,
        body: TenantBody,
        response: { 201: TenantView, ...problems },
      },
    },
    async (request, reply) => {
      const nowMs = deps.clock.nowMs()
      const id = newUuid(nowMs)
      const keys = await createTenantKeys(deps.keyEncryption, id, nowMs)
      const input = { id, ...request.body, isFirst: false, keys }
      return answerChange(deps.db, request, reply, { status: 201 }, async trx =>
        showTenant(deps.baseUrl, await createTenant(trx, principalOf(request), input, nowMs)),
      )
    },
  )
}

function registerReads(app: V1App, deps: V1Deps): void {
  const toView = (row: TenantRow) => showTenant(deps.baseUrl, row)
  app.get(
    '/v1/tenants',
    {
      schema: {
        ...base,
        summary: 'List tenants: all for a platform-admin, else your own',
        querystring: PageQuery,
        response: { 200: PageOf(TenantView), ...problems },
      },
    },
    async request => {
      const onlyId = principalOf(request).tenantId ?? undefined
      const list = `/v1/tenants ${onlyId ?? 'all'}`
      return await answerPage(
        deps.cursors,
        list,
        request.query,
        page => listTenants(rowsOf(deps.db, request), page, onlyId),
        toView,
      )
    },
  )
  app.get(
    '/v1/tenants/:id',
    { schema: { ...base, summary: 'Get one tenant', params: IdParams('tenant'), response: { 200: TenantView, ...problems } } },
    async request => {
      const id = uuidOf('tenant', request.params.id)
      const own = principalOf(request).tenantId
      const row = own === null || own === id ? await findTenant(deps.db.forTenant(id), id) : undefined
      if (!row) throw new BrokerError('not_found')
      return toView(row)
    },
  )
}

export function showTenant(baseUrl: string, row: TenantRow): Static<typeof TenantView> {
  return {
    id: formatId('tenant', row.id),
    slug: row.slug,
    name: row.name,
    issuer: issuerOf(baseUrl, { slug: row.slug, isFirst: row.is_first }),
    created_at: row.created_at.toISOString(),
  }
}
