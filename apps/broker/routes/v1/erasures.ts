import { type Static, Type } from 'typebox'
import { type Erased, eraseSubject, livingMost, type Wanted } from '#core/audit/erasure/erase.ts'
import { previewErasure } from '#core/audit/erasure/preview.ts'
import { Readings } from '#core/audit/query/readings.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { type ErasureRow, findErasure, listErasures } from '#db/erasure/erasures.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, operatorSecurity, PageOf, PageQuery, problems, Text, Time, Uri } from './schemas.ts'

const Body = Type.Object(
  {
    person: Type.Optional(Id('person', 'Somebody who has signed in. Sessions and tokens end.')),
    issuer: Type.Optional(Uri('Of a foreign subject: the issuer, exactly as it calls itself.')),
    subject: Type.Optional(Uri('`sub` of the foreign subject, or the name in its certificate.')),
    names: Type.Optional(
      Type.Array(
        // Two letters stand for too much else.
        Text('What else it is called: a former address. Taken out of proposals, messages, notes and owners.', 200, 3),
        { maxItems: 20, uniqueItems: true },
      ),
    ),
  },
  { ...closed, examples: [{ issuer: 'https://token.actions.githubusercontent.com', subject: 'repo:acme/orders:actor:sam' }] },
)
const LivingAccounts = Type.Array(Id('account'), {
  description: `Accounts that it had opened and that go on until somebody ends them; ${livingMost} at most.`,
})
const View = Type.Object(
  {
    id: Id('erasure'),
    status: Type.Enum(['erasing', 'erased'], {
      description: 'erasing: its keys are destroyed; what they had sealed is being deleted from the log.',
    }),
    asked_at: Time,
    erased_at: Type.Optional(Time),
    keys: Type.Integer({ description: 'Keys that were destroyed.' }),
    people: Type.Array(Id('person'), { description: 'Whose names were taken away.' }),
    bodies: Type.Integer({ description: 'Bodies of the log that were deleted so far. Their leaves stay.' }),
    agents_without_owner: Type.Array(Id('agent'), { description: 'Somebody must name another owner.' }),
    in_ledger: Type.Boolean({ description: 'Written down outside the database, so that a backup brings nobody back.' }),
    after_restore: Type.Boolean({ description: 'It was done again after a restore.' }),
    living_accounts: Type.Optional(LivingAccounts),
  },
  closed,
)
const Preview = Type.Object(
  {
    keys: Type.Integer({ description: 'Keys that would be destroyed.' }),
    people: Type.Array(Id('person'), { description: 'Whose names would be taken away.' }),
    legal_hold: Type.Boolean({ description: 'A legal hold covers it: it would be refused.' }),
    named_by: Type.Array(Type.String(), { description: 'Registrations that name it: it would be refused. Twenty at most.' }),
    found: Type.Array(Type.Object({ where: Type.String(), rows: Type.Integer(), deleted: Type.Boolean() }, closed), {
      description: 'Where what it is called stands. deleted: the rows go as a whole; else the words alone.',
    }),
    names: Type.Array(Type.Object({ name: Type.String(), rows: Type.Integer() }, closed), {
      description: 'Rows that hold each name that was given: many are a sign that it is a common word.',
    }),
    living_accounts: LivingAccounts,
  },
  closed,
)

const base = { tags: ['audit'], security: operatorSecurity }

export function erasureRoutes(app: V1App, deps: V1Deps): void {
  const readings = new Readings()
  registerOperation(
    app,
    deps,
    {
      route: 'POST /v1/erasures',
      status: 201,
      // What it finds can be told by doing it alone.
      showsBody: true,
      tenantOf: call => call.actor.tenantId,
      work: async (trx, { actor, body, nowMs }) => {
        const { names } = body as Static<typeof Body>
        const order = {
          actor,
          tenantId: actor.tenantId,
          wanted: wantedOf(body as Static<typeof Body>, actor.tenantId),
          names,
          nowMs,
        }
        const erased = await eraseSubject(trx, deps, order)
        return { ...toView(erased.row), living_accounts: living(erased) }
      },
    },
    { ...base, summary: 'Forget a person or a foreign subject; proofs of the log still hold', body: Body, answer: View },
  )
  app.post(
    '/v1/erasures/preview',
    {
      schema: {
        ...base,
        summary: 'Show what an erasure would find; changes nothing, and is an entry of the log as reading it is',
        body: Body,
        response: { 200: Preview, ...problems },
      },
    },
    async (request, reply) => {
      const { tenantId } = principalOf(request)
      const body = request.body as Static<typeof Body>
      const order = { tenantId, wanted: wantedOf(body, tenantId), names: body.names }
      const found = await rowsOf(deps.db, request)
        .transaction()
        .execute(trx => previewErasure(trx, order))
      // It tells whether somebody was here and what it opened, as the log does. Who was meant stays out of what nobody can erase.
      const filters =
        body.person === undefined ? { by: body.subject === undefined ? 'names' : 'subject' } : { person: body.person }
      const reading = {
        tenantId,
        actor: actorFacts(principalOf(request)),
        operation: 'POST /v1/erasures/preview',
        filters,
        entries: 1,
      }
      await readings.record(rowsOf(deps.db, request), reading, deps.clock.nowMs())
      reply.header('cache-control', 'no-store')
      return {
        keys: found.keys,
        people: found.personIds.map(id => formatId('person', id)),
        legal_hold: found.held,
        named_by: [...found.namedBy],
        found: [...found.found],
        names: [...found.names],
        living_accounts: living(found),
      }
    },
  )
  app.get(
    '/v1/erasures',
    { schema: { ...base, summary: 'List erasures', querystring: PageQuery, response: { 200: PageOf(View), ...problems } } },
    async request => {
      const rows = rowsOf(deps.db, request)
      const list = `/v1/erasures ${principalOf(request).tenantId}`
      return await answerPage(deps.cursors, list, request.query, page => listErasures(rows, page), toView)
    },
  )
  app.get(
    '/v1/erasures/:id',
    {
      schema: {
        ...base,
        summary: 'Show one erasure, and how far it has come',
        params: IdParams('erasure'),
        response: { 200: View, ...problems },
      },
    },
    async request => {
      const row = await findErasure(rowsOf(deps.db, request), uuidOf('erasure', request.params.id))
      if (!row) throw new BrokerError('not_found')
      return toView(row)
    },
  )
}

function wantedOf({ person, issuer, subject, names }: Static<typeof Body>, tenantId: string | null): Wanted {
  if (names?.some(name => name.trim().length < 3))
    throw new BrokerError('malformed_request', { hint: 'A name has three characters at least.' })
  if (tenantId === null && person === undefined)
    throw new BrokerError('malformed_request', {
      hint: "Name a person. A tenant's subjects are erased with a credential of that tenant.",
    })
  const isSubject = issuer !== undefined || subject !== undefined
  if (person !== undefined && !isSubject) return { personId: uuidOf('person', person) }
  if (person === undefined && issuer !== undefined && subject !== undefined) return { issuer, subject }
  if (person === undefined && !isSubject && names !== undefined && names.length > 0) return undefined
  throw new BrokerError('malformed_request', { hint: 'Name a person, or issuer and subject, or names alone.' })
}

const living = ({ livingAccounts }: Pick<Erased, 'livingAccounts'>): string[] => livingAccounts.map(id => formatId('account', id))

const toView = (row: ErasureRow): Static<typeof View> => ({
  id: formatId('erasure', row.id),
  status: row.swept_at === null ? 'erasing' : 'erased',
  asked_at: row.asked_at.toISOString(),
  ...(row.swept_at !== null && { erased_at: row.swept_at.toISOString() }),
  keys: row.key_ids.length,
  people: row.person_ids.map(id => formatId('person', id)),
  bodies: Number(row.removed),
  agents_without_owner: row.agent_ids.map(id => formatId('agent', id)),
  in_ledger: row.ledgered_at !== null,
  after_restore: row.replayed,
})
