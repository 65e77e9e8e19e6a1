import { type Static, Type } from 'typebox'
import { endHold, type HoldInput, placeHold, targetOf } from '#core/audit/erasure/holds.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { findHold, type HoldKind, type HoldRow, holdKinds, listHolds } from '#db/erasure/holds.ts'
import { ownTenant, principalOf, rowsOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, operatorSecurity, PageOf, PageQuery, problems, Text, Time } from './schemas.ts'

const Body = Type.Object(
  {
    matter: Text('What it is for: a number of a case. Name nobody here.', 200),
    account: Type.Optional(Id('account', 'Only what concerns this account.')),
    agent: Type.Optional(Id('agent', 'Only what concerns this agent.')),
    person: Type.Optional(Id('person', 'Only what concerns this person.')),
  },
  { ...closed, examples: [{ matter: 'case 2026-14', account: 'acct_018f3c5e8a7b7c0e9d1f2a3b4c5d6e7f' }] },
)
export const LegalHoldView = Type.Object(
  {
    id: Id('legalHold'),
    matter: Type.String(),
    covers: Type.Enum([...holdKinds], { description: 'tenant: everything of the tenant.' }),
    target: Type.Optional(Type.String({ description: 'The account, agent or person.' })),
    placed_by: Id('credential'),
    placed_at: Time,
    lifted_by: Type.Optional(Id('credential')),
    lifted_at: Type.Optional(Time),
  },
  closed,
)

const base = { tags: ['audit'], security: operatorSecurity }
const changeOf = ({ actor, nowMs }: Call) => ({ actor, tenantId: ownTenant(actor), nowMs })

export function legalHoldRoutes(app: V1App, deps: V1Deps): void {
  registerChanges(app, deps)
  app.get(
    '/v1/legal-holds',
    {
      schema: {
        ...base,
        summary: 'List legal holds',
        querystring: PageQuery,
        response: { 200: PageOf(LegalHoldView), ...problems },
      },
    },
    async request => {
      const rows = rowsOf(deps.db, request)
      const list = `/v1/legal-holds ${ownTenant(principalOf(request))}`
      return await answerPage(deps.cursors, list, request.query, page => listHolds(rows, page), toLegalHoldView)
    },
  )
  app.get(
    '/v1/legal-holds/:id',
    {
      schema: {
        ...base,
        summary: 'Show one legal hold',
        params: IdParams('legalHold'),
        response: { 200: LegalHoldView, ...problems },
      },
    },
    async request => {
      const row = await findHold(rowsOf(deps.db, request), uuidOf('legalHold', request.params.id))
      if (!row) throw new BrokerError('not_found')
      return toLegalHoldView(row)
    },
  )
}

function registerChanges(app: V1App, deps: V1Deps): void {
  registerOperation(
    app,
    deps,
    {
      route: 'POST /v1/legal-holds',
      status: 201,
      tenantOf: call => ownTenant(call.actor),
      work: async (trx, call) => toLegalHoldView(await placeHold(trx, changeOf(call), inputOf(call.body as Static<typeof Body>))),
    },
    { ...base, summary: 'Place a legal hold: what it covers is neither erased nor dropped', body: Body, answer: LegalHoldView },
  )
  registerOperation(
    app,
    deps,
    {
      route: 'POST /v1/legal-holds/:id/lift',
      status: 200,
      tenantOf: call => ownTenant(call.actor),
      present: async (db, call) => {
        const row = await findHold(db, uuidOf('legalHold', call.params['id']!))
        return row && toLegalHoldView(row)
      },
      work: async (trx, call) => toLegalHoldView(await endHold(trx, changeOf(call), uuidOf('legalHold', call.params['id']!))),
    },
    { ...base, summary: 'Lift a legal hold', params: IdParams('legalHold'), answer: LegalHoldView },
  )
}

function inputOf({ matter, ...targets }: Static<typeof Body>): HoldInput {
  const named = Object.entries(targets) as [Exclude<HoldKind, 'tenant'>, string][]
  const [first, second] = named
  if (second)
    throw new BrokerError('malformed_request', { hint: 'A hold covers one account, one agent, one person, or the whole tenant.' })
  return first ? { matter, kind: first[0], targetId: uuidOf(first[0], first[1]) } : { matter, kind: 'tenant', targetId: null }
}

export function toLegalHoldView(row: HoldRow): Static<typeof LegalHoldView> {
  const target = targetOf(row)
  return {
    id: formatId('legalHold', row.id),
    matter: row.matter,
    covers: row.kind as HoldKind,
    ...(target !== undefined && { target }),
    placed_by: formatId('credential', row.placed_by),
    placed_at: row.placed_at.toISOString(),
    ...(row.lifted_by !== null && { lifted_by: formatId('credential', row.lifted_by) }),
    ...(row.lifted_at !== null && { lifted_at: row.lifted_at.toISOString() }),
  }
}
