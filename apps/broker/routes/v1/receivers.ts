// Receivers of security events: who of a tenant may have streams. What they do with them is theirs (`/ssf`).

import { type Static, Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import {
  createReceiver,
  DEFAULT_RECEIVER_TTL_SECONDS,
  type ReceiverChange,
  removeReceiver,
  renewReceiverToken,
} from '#core/ssf/receivers.ts'
import { findReceiver, listReceivers, type ReceiverRow } from '#db/ssf/receivers.ts'
import { ownTenant } from '../../http/access.ts'
import { registerReads, uuidOf } from './collection.ts'
import { CaPem } from './connector-schema.ts'
import type { V1App, V1Deps } from './deps.ts'
import { type Call, ofOwnTenant } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, Name, Text, Time, TtlSeconds } from './schemas.ts'

const path = '/v1/receivers'
const tag = 'security events'
const tags = [tag]
const longestSeconds = 2 * 365 * 86_400

const expires_in_seconds = Type.Optional(
  TtlSeconds(longestSeconds, DEFAULT_RECEIVER_TTL_SECONDS, 'How long its credential works.'),
)
const Body = Type.Object(
  {
    name: Name,
    audience: Type.Optional(Text('`aud` of what it gets; its id when nothing is said.')),
    ca_pem: CaPem,
    expires_in_seconds,
  },
  { ...closed, examples: [{ name: 'siem', audience: 'https://siem.example.com' }] },
)
const RenewBody = Type.Object(
  {
    expires_in_seconds,
    overlap_seconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 86_400, default: 600, description: 'How long the credential before goes on working.' }),
    ),
  },
  { ...closed, examples: [{ overlap_seconds: 600 }] },
)
const shown = {
  id: Id('receiver'),
  name: Name,
  audience: Type.String(),
  ca_pem: CaPem,
  created_at: Time,
  expires_at: Time,
}
const View = Type.Object(shown, closed)
const Created = Type.Object({ ...shown, token: Type.String({ description: 'mfe_…. Shown this once.' }) }, closed)

export function receiverRoutes(app: V1App, deps: V1Deps): void {
  registerReads(app, deps, {
    path,
    idKind: 'receiver',
    noun: 'receiver',
    plural: 'receivers of security events',
    tag,
    View,
    toView,
    list: listReceivers,
    find: findReceiver,
  })
  registerCreation(app, deps)
  registerChanges(app, deps)
}

const changeBy = ({ actor, nowMs }: Call): ReceiverChange => ({ actor, tenantId: ownTenant(actor), nowMs })
const idOf = ({ params }: Call): string => uuidOf('receiver', params['id']!)

function registerCreation(app: V1App, deps: V1Deps): void {
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `POST ${path}`,
      status: 201,
      secret: true,
      async work(trx, call) {
        const {
          name,
          audience,
          ca_pem: caPem,
          expires_in_seconds: ttlSeconds = DEFAULT_RECEIVER_TTL_SECONDS,
        } = call.body as Static<typeof Body>
        const { row, secret } = await createReceiver(trx, changeBy(call), { name, audience, caPem, ttlSeconds })
        return { ...toView(row), token: secret }
      },
    },
    { tags, summary: 'Register a receiver of security events', body: Body, answer: Created },
  )
}

function registerChanges(app: V1App, deps: V1Deps): void {
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `POST ${path}/:id/token`,
      status: 200,
      secret: true,
      async work(trx, call) {
        const { expires_in_seconds: ttlSeconds = DEFAULT_RECEIVER_TTL_SECONDS, overlap_seconds: overlapSeconds = 600 } =
          call.body as Static<typeof RenewBody>
        const { row, secret } = await renewReceiverToken(trx, changeBy(call), idOf(call), { ttlSeconds, overlapSeconds })
        return { ...toView(row), token: secret }
      },
    },
    { tags, summary: 'Give a receiver another credential', params: IdParams('receiver'), body: RenewBody, answer: Created },
  )
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `DELETE ${path}/:id`,
      status: 204,
      async work(trx, call) {
        await removeReceiver(trx, changeBy(call), idOf(call))
        return undefined
      },
    },
    { tags, summary: 'Remove a receiver, with its streams', params: IdParams('receiver'), answer: Type.Null() },
  )
}

const toView = (row: ReceiverRow): Static<typeof View> => ({
  id: formatId('receiver', row.id),
  name: row.name,
  audience: row.audience,
  ...(row.ca_pem !== null && { ca_pem: row.ca_pem }),
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
})
