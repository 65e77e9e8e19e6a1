// The five routes that every registered kind has. A kind gives its words, schemas and use cases; what is the same for all
// (tenant of the caller, ids, pages, transactions, answers) stands here once.

import type { FastifyRequest } from 'fastify'
import { type Static, type TSchema, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, type IdKind, parseId } from '#core/ids/id.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { Db, Trx } from '#db/connect.ts'
import type { Page } from '#db/registry/page.ts'
import { principalOf, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { answerChange } from './change.ts'
import type { V1App, V1Deps } from './deps.ts'
import { IdempotencyHeader, IdParams, operatorSecurity, PageOf, PageQuery, problems } from './schemas.ts'

export interface Change {
  readonly actor: Principal
  readonly tenantId: string
  readonly baseUrl: string
  readonly nowMs: number
}

export interface Collection<Row extends { readonly id: string }, Body extends TSchema, View extends TSchema> {
  /** `/v1/agents` */
  readonly path: string
  readonly idKind: IdKind
  /** 'agent', for summaries. */
  readonly noun: string
  readonly Body: Body
  readonly View: View
  toView(row: Row): Static<View>
  list(db: Db, tenantId: string, page: Page): Promise<readonly Row[]>
  find(db: Db, id: string, tenantId: string): Promise<Row | undefined>
  create(trx: Trx, change: Change, input: Static<Body>): Promise<Row>
  replace(trx: Trx, change: Change, id: string, input: Static<Body>): Promise<Row>
  remove(trx: Trx, change: Change, id: string): Promise<void>
}

/** Inside, the schemas of a kind are just schemas: they are checked at run time, and their types end at this function's edge. */
type AnyKind<Row extends { readonly id: string }> = Collection<Row, TSchema, TSchema>

export function registerCollection<Row extends { readonly id: string }, Body extends TSchema, View extends TSchema>(
  app: V1App,
  deps: V1Deps,
  kind: Collection<Row, Body, View>,
): void {
  registerReads(app, deps, kind)
  registerCreateAndReplace(app, deps, kind)
  registerDelete(app, deps, kind)
}

function registerReads<Row extends { readonly id: string }>(app: V1App, deps: V1Deps, kind: AnyKind<Row>): void {
  const base = { tags: [kind.noun], security: operatorSecurity }
  app.get(
    kind.path,
    {
      schema: {
        ...base,
        summary: `List ${kind.noun}s`,
        querystring: PageQuery,
        response: { 200: PageOf(kind.View), ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const read = (page: Page) => kind.list(deps.db, tenantId, page)
      const page = await answerPage(deps.cursors, `${kind.path} ${tenantId}`, request.query, read, kind.toView)
      return page
    },
  )
  app.get(
    `${kind.path}/:id`,
    {
      schema: {
        ...base,
        summary: `Get one ${kind.noun}`,
        params: IdParams(kind.idKind),
        response: { 200: kind.View, ...problems },
      },
    },
    async request => {
      const row = await kind.find(deps.db, uuidOf(kind.idKind, request.params.id), tenantOf(request))
      if (!row) throw new BrokerError('not_found')
      return kind.toView(row)
    },
  )
}

function changeBy(deps: V1Deps, request: FastifyRequest): Change {
  return { actor: principalOf(request), tenantId: tenantOf(request), baseUrl: deps.baseUrl, nowMs: deps.clock.nowMs() }
}

function registerCreateAndReplace<Row extends { readonly id: string }>(app: V1App, deps: V1Deps, kind: AnyKind<Row>): void {
  const base = { tags: [kind.noun], security: operatorSecurity }
  const view = (row: Row) => kind.toView(row) as { readonly id: string }
  app.post(
    kind.path,
    {
      schema: {
        ...base,
        summary: `Register one ${kind.noun}`,
        headers: IdempotencyHeader,
        body: kind.Body,
        response: { 201: kind.View, ...problems },
      },
    },
    async (request, reply) => {
      const change = changeBy(deps, request)
      return answerChange(deps.db, request, reply, { status: 201 }, async trx =>
        view(await kind.create(trx, change, request.body)),
      )
    },
  )
  app.put(
    `${kind.path}/:id`,
    {
      schema: {
        ...base,
        summary: `Replace one ${kind.noun}`,
        params: IdParams(kind.idKind),
        body: kind.Body,
        response: { 200: kind.View, ...problems },
      },
    },
    async (request, reply) => {
      const change = changeBy(deps, request)
      const id = uuidOf(kind.idKind, request.params.id)
      return answerChange(deps.db, request, reply, { status: 200 }, async trx =>
        view(await kind.replace(trx, change, id, request.body)),
      )
    },
  )
}

function registerDelete<Row extends { readonly id: string }>(app: V1App, deps: V1Deps, kind: AnyKind<Row>): void {
  app.delete(
    `${kind.path}/:id`,
    {
      schema: {
        tags: [kind.noun],
        security: operatorSecurity,
        summary: `Delete one ${kind.noun}`,
        params: IdParams(kind.idKind),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const change = changeBy(deps, request)
      await deps.db.transaction().execute(trx => kind.remove(trx, change, uuidOf(kind.idKind, request.params.id)))
      return reply.code(204).send(null)
    },
  )
}

/** The uuid of a wire id; its form was checked by the schema. */
export function uuidOf(kind: IdKind, id: string): string {
  const uuid = parseId(kind, id)
  if (uuid === undefined) throw new BrokerError('not_found')
  return uuid
}

/** Members that every registered thing shows. */
export const stamps = (kind: IdKind, row: { id: string; created_at: Date; updated_at: Date }) => ({
  id: formatId(kind, row.id),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})
