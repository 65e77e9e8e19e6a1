import { type Static, Type } from 'typebox'
import {
  createJoinToken,
  DEFAULT_JOIN_TTL_SECONDS,
  type JoinTokenChange,
  MAX_JOIN_TTL_SECONDS,
  removeJoinToken,
} from '#core/enrolment/join-tokens.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { type JoinTokenRow, listJoinTokens } from '#db/enrolment/join-tokens.ts'
import { findAgent } from '#db/registry/agents.ts'
import { ownTenant, principalOf, rowsOf, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, operatorSecurity, PageOf, PageQuery, problems, Text, Time, TtlSeconds } from './schemas.ts'

const Note = Text('For people: where it goes.', 200)

const Body = Type.Object(
  {
    expires_in_seconds: Type.Optional(TtlSeconds(MAX_JOIN_TTL_SECONDS, DEFAULT_JOIN_TTL_SECONDS, 'How long it can be used.')),
    note: Type.Optional(Note),
  },
  { ...closed, examples: [{ note: 'build server 7', expires_in_seconds: 900 }] },
)
const shown = {
  id: Id('joinToken'),
  agent: Id('agent'),
  note: Type.Optional(Note),
  created_at: Time,
  expires_at: Time,
  used_at: Type.Optional(Type.String({ description: 'RFC 3339, UTC. Missing: nobody used it.' })),
  instance: Type.Optional(
    Type.Object(
      {
        name: Type.String({ description: 'Last segment of its SPIFFE ID.' }),
        renewed_at: Time,
        not_after: Type.String({ description: 'End of its last certificate. RFC 3339, UTC.' }),
      },
      { ...closed, description: 'Who came by it.' },
    ),
  ),
}
const View = Type.Object(shown, closed)
const Created = Type.Object(
  { ...shown, token: Type.String({ description: 'mfj_…, good for one use. Shown this once.' }) },
  closed,
)

const path = '/v1/agents/:id/join-tokens'
const base = { tags: ['join token'], security: operatorSecurity }

/** With one of these a workload enrols itself as an instance of the agent: POST /enroll. */
export function joinTokenRoutes(app: V1App, deps: V1Deps): void {
  registerCreate(app, deps)
  registerListAndEnd(app, deps)
}

const changeOf = (call: Pick<Call, 'actor' | 'params' | 'nowMs'>): JoinTokenChange => ({
  actor: call.actor,
  tenantId: ownTenant(call.actor),
  agentId: uuidOf('agent', call.params['id']!),
  nowMs: call.nowMs,
})

function registerCreate(app: V1App, deps: V1Deps): void {
  registerOperation(
    app,
    deps,
    {
      route: `POST ${path}`,
      status: 201,
      secret: true,
      tenantOf: call => ownTenant(call.actor),
      work: async (trx, call) => {
        const { expires_in_seconds: ttlSeconds = DEFAULT_JOIN_TTL_SECONDS, note } = (call.body ?? {}) as Static<typeof Body>
        const { row, secret } = await createJoinToken(trx, deps, changeOf(call), { ttlSeconds, note })
        return { ...toView(row), token: secret }
      },
    },
    { tags: base.tags, summary: 'Create a join token for an agent', params: IdParams('agent'), body: Body, answer: Created },
  )
}

function registerListAndEnd(app: V1App, deps: V1Deps): void {
  app.get(
    path,
    {
      schema: {
        ...base,
        summary: "List an agent's join tokens and who came by them",
        params: IdParams('agent'),
        querystring: PageQuery,
        response: { 200: PageOf(View), ...problems },
      },
    },
    async (request, reply) => {
      const [tenantId, agentId] = [tenantOf(request), uuidOf('agent', request.params.id)]
      if (!(await findAgent(deps.db.forTenant(tenantId), agentId, tenantId))) throw new BrokerError('not_found')
      const list = `${path} ${tenantId} ${agentId}`
      const page = await answerPage(
        deps.cursors,
        list,
        request.query,
        read => listJoinTokens(deps.db.forTenant(tenantId), agentId, tenantId, read),
        toView,
      )
      return reply.send(page)
    },
  )
  app.delete(
    `${path}/:join_token_id`,
    {
      schema: {
        ...base,
        summary: 'End a join token; who came by it cannot renew',
        params: Type.Object({ id: Id('agent'), join_token_id: Id('joinToken') }, closed),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const change = changeOf({ actor: principalOf(request), params: request.params, nowMs: deps.clock.nowMs() })
      const id = uuidOf('joinToken', request.params.join_token_id)
      await rowsOf(deps.db, request)
        .transaction()
        .execute(trx => removeJoinToken(trx, change, id))
      return reply.code(204).send(null)
    },
  )
}

const toView = (row: JoinTokenRow): Static<typeof View> => ({
  id: formatId('joinToken', row.id),
  agent: formatId('agent', row.agent_id),
  ...(row.note !== null && { note: row.note }),
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
  ...(row.used_at !== null && { used_at: row.used_at.toISOString() }),
  ...(row.instance !== null && {
    instance: {
      name: row.instance,
      renewed_at: row.renewed_at!.toISOString(),
      not_after: row.not_after!.toISOString(),
    },
  }),
})
