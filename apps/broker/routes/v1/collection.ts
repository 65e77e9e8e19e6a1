// The five routes that every registered kind has. A kind gives its words, schemas and use cases; what is the same for all
// (tenant of the caller, ids, pages, transactions, answers) stands here once.

import { type Static, type TSchema, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, type IdKind, parseId } from '#core/ids/id.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { Db, Trx } from '#db/connect.ts'
import type { Page } from '#db/registry/page.ts'
import { ownTenant, principalOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { IdParams, operatorSecurity, PageOf, PageQuery, problems } from './schemas.ts'

export interface Change<Owner extends string | null = string> {
  readonly actor: Principal
  readonly tenantId: Owner
  readonly baseUrl: string
  readonly nowMs: number
}

/** Owner: the tenant's uuid; for kinds that the deployment has too, null is the deployment. */
export interface Readable<Row extends { readonly id: string }, View extends TSchema, Owner extends string | null = string> {
  /** `/v1/agents` */
  readonly path: string
  readonly idKind: IdKind
  /** 'agent', for summaries. */
  readonly noun: string
  /** Many of them, for summaries; left out: the noun and an s. */
  readonly plural?: string
  /** Left out: the noun. */
  readonly tag?: string
  readonly View: View
  /** Whose things the caller sees and makes; left out: its tenant's. */
  ownerOf?(actor: Principal): Owner
  toView(row: Row): Static<View>
  list(db: Db, owner: Owner, page: Page): Promise<readonly Row[]>
  find(db: Db, id: string, owner: Owner): Promise<Row | undefined>
}

export interface Collection<
  Row extends { readonly id: string },
  Body extends TSchema,
  View extends TSchema,
  Owner extends string | null = string,
> extends Readable<Row, View, Owner> {
  readonly Body: Body
  create(trx: Trx, change: Change<Owner>, input: Static<Body>): Promise<Row>
  replace(trx: Trx, change: Change<Owner>, id: string, input: Static<Body>): Promise<Row>
  remove(trx: Trx, change: Change<Owner>, id: string): Promise<void>
}

/** Inside, the schemas of a kind are just schemas: they are checked at run time, and their types end at this function's edge. */
type AnyKind<Row extends { readonly id: string }> = Omit<Collection<Row, TSchema, TSchema>, 'ownerOf'> & {
  readonly ownerOf: (actor: Principal) => string
}

export function registerCollection<
  Row extends { readonly id: string },
  Body extends TSchema,
  View extends TSchema,
  Owner extends string | null = string,
>(app: V1App, deps: V1Deps, collection: Collection<Row, Body, View, Owner>): void {
  const kind = { ownerOf: ownTenant, ...collection } as unknown as AnyKind<Row>
  registerReads(app, deps, kind)
  registerCreateAndReplace(app, deps, kind)
  registerDelete(app, deps, kind)
}

/** Listing and getting one: also for kinds whose changes are their own. */
export function registerReads<Row extends { readonly id: string }, View extends TSchema, Owner extends string | null = string>(
  app: V1App,
  deps: V1Deps,
  readable: Readable<Row, View, Owner>,
): void {
  // Inside, the schema of a kind is just a schema: it is checked at run time, and its type ends at this function's edge.
  const kind = readable as unknown as Readable<Row, TSchema>
  const { path, idKind, noun, View, list, find, toView, plural = `${noun}s`, tag = noun, ownerOf = ownTenant } = kind
  const base = { tags: [tag], security: operatorSecurity }
  app.get(
    path,
    { schema: { ...base, summary: `List ${plural}`, querystring: PageQuery, response: { 200: PageOf(View), ...problems } } },
    async request => {
      const owner = ownerOf(principalOf(request))
      const read = (page: Page) => list(deps.db.forTenant(owner), owner, page)
      return await answerPage(deps.cursors, `${path} ${owner}`, request.query, read, toView)
    },
  )
  app.get(
    `${path}/:id`,
    { schema: { ...base, summary: `Get one ${noun}`, params: IdParams(idKind), response: { 200: View, ...problems } } },
    async request => {
      const owner = ownerOf(principalOf(request))
      const row = await find(deps.db.forTenant(owner), uuidOf(idKind, request.params.id), owner)
      if (!row) throw new BrokerError('not_found')
      return toView(row)
    },
  )
}

function changeBy<Row extends { readonly id: string }>(deps: V1Deps, kind: AnyKind<Row>, { actor, nowMs }: Call): Change {
  return { actor, tenantId: kind.ownerOf(actor), baseUrl: deps.baseUrl, nowMs }
}

function registerCreateAndReplace<Row extends { readonly id: string }>(app: V1App, deps: V1Deps, kind: AnyKind<Row>): void {
  const view = (row: Row) => kind.toView(row) as object
  const described = { tags: [kind.noun], body: kind.Body, answer: kind.View }
  registerOperation(
    app,
    deps,
    {
      route: `POST ${kind.path}`,
      status: 201,
      tenantOf: call => kind.ownerOf(call.actor),
      work: async (trx, call) => view(await kind.create(trx, changeBy(deps, kind, call), call.body)),
    },
    { ...described, summary: `Register one ${kind.noun}` },
  )
  registerOperation(
    app,
    deps,
    {
      ...aboutOne(kind),
      route: `PUT ${kind.path}/:id`,
      status: 200,
      work: async (trx, call) => view(await kind.replace(trx, changeBy(deps, kind, call), idOf(kind, call), call.body)),
    },
    { ...described, summary: `Replace one ${kind.noun}`, params: IdParams(kind.idKind) },
  )
}

function registerDelete<Row extends { readonly id: string }>(app: V1App, deps: V1Deps, kind: AnyKind<Row>): void {
  registerOperation(
    app,
    deps,
    {
      ...aboutOne(kind),
      route: `DELETE ${kind.path}/:id`,
      status: 204,
      work: async (trx, call) => {
        await kind.remove(trx, changeBy(deps, kind, call), idOf(kind, call))
        return undefined
      },
    },
    { tags: [kind.noun], summary: `Delete one ${kind.noun}`, params: IdParams(kind.idKind), answer: Type.Null() },
  )
}

/** What the changes of one thing that is there have in common. */
function aboutOne<Row extends { readonly id: string }>(kind: AnyKind<Row>) {
  return {
    tenantOf: (call: Call) => kind.ownerOf(call.actor),
    present: async (db: Db, call: Call) => {
      const row = await kind.find(db, idOf(kind, call), kind.ownerOf(call.actor))
      return row && (kind.toView(row) as object)
    },
  }
}

const idOf = <Row extends { readonly id: string }>(kind: AnyKind<Row>, call: Call): string =>
  uuidOf(kind.idKind, call.params['id']!)

/** The uuid of a wire id; its form was checked by the schema. */
export function uuidOf(kind: IdKind, id: string): string {
  const uuid = parseId(kind, id)
  if (uuid === undefined) throw new BrokerError('not_found')
  return uuid
}

/** Of what can be suspended: since when it is. */
export const suspension = ({ suspended_at: since }: { readonly suspended_at: Date | null }) =>
  since === null ? {} : { suspended_at: since.toISOString() }

/** Members that every registered thing shows. */
export const stamps = (kind: IdKind, row: { id: string; created_at: Date; updated_at: Date }) => ({
  id: formatId(kind, row.id),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})
