// Bodies and answers of the Shared Signals Framework 1.0. Unlike ours they are open: the specification lets either side send members
// that the other does not know.

import { Type } from 'typebox'
import { idPrefixes } from '#core/ids/id.ts'

const open = { additionalProperties: true } as const

export const StreamId = Type.String({ pattern: `^${idPrefixes.stream}_[0-9a-f]{32}$`, description: 'evs_…' })
export const StreamQuery = Type.Object({ stream_id: Type.Optional(StreamId) })
export const OneStreamQuery = Type.Object({ stream_id: StreamId })

const printable = '^[\\x20-\\x7e]*$'
const Delivery = Type.Object(
  {
    method: Type.String({ maxLength: 100, description: 'urn:ietf:rfc:8935 (push) or urn:ietf:rfc:8936 (poll).' }),
    endpoint_url: Type.Optional(Type.String({ maxLength: 500, description: 'Where it is pushed to; https.' })),
    authorization_header: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2_000, pattern: printable, description: 'Sent with each push. Never shown.' }),
    ),
  },
  open,
)
const settings = {
  delivery: Type.Optional(Delivery),
  events_requested: Type.Optional(Type.Array(Type.String({ maxLength: 300 }), { maxItems: 32 })),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  iss: Type.Optional(Type.String({ maxLength: 500 })),
  aud: Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Array(Type.String({ maxLength: 500 }), { maxItems: 8 })])),
}
const example = {
  delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: 'https://receiver.example/events', authorization_header: 'Bearer x' },
  events_requested: ['https://schemas.openid.net/secevent/caep/event-type/session-revoked'],
}
const streamExample = `${idPrefixes.stream}_0198c0ffee00700080000000000000aa`

export const NewStream = Type.Object(settings, { ...open, examples: [example] })
export const ChangedStream = Type.Object(
  { stream_id: StreamId, ...settings },
  { ...open, examples: [{ stream_id: streamExample, ...example }] },
)
export const Configuration = Type.Object(
  {
    stream_id: StreamId,
    iss: Type.String(),
    aud: Type.String(),
    events_supported: Type.Array(Type.String()),
    events_requested: Type.Optional(Type.Array(Type.String())),
    events_delivered: Type.Array(Type.String()),
    delivery: Type.Object({ method: Type.String(), endpoint_url: Type.String() }),
    min_verification_interval: Type.Integer(),
    description: Type.Optional(Type.String()),
  },
  open,
)

const Status = Type.Enum(['enabled', 'paused', 'disabled'])
const Reason = Type.Optional(Type.String({ maxLength: 200 }))
export const StatusBody = Type.Object(
  { stream_id: StreamId, status: Status, reason: Reason },
  { ...open, examples: [{ stream_id: streamExample, status: 'paused', reason: 'maintenance' }] },
)
export const StatusView = Type.Object({ stream_id: StreamId, status: Status, reason: Reason }, open)

export const SubjectBody = Type.Object(
  {
    stream_id: StreamId,
    subject: Type.Object({ format: Type.String({ maxLength: 50 }) }, { ...open, maxProperties: 10 }),
    verified: Type.Optional(Type.Boolean()),
  },
  {
    ...open,
    examples: [{ stream_id: streamExample, subject: { format: 'iss_sub', iss: 'https://broker.example', sub: 'acct_…' } }],
  },
)

export const VerificationBody = Type.Object(
  { stream_id: StreamId, state: Type.Optional(Type.String({ maxLength: 1_000 })) },
  { ...open, examples: [{ stream_id: streamExample, state: 'VGhpcyBpcyBhbiBleGFtcGxl' }] },
)

const Jti = Type.String({ maxLength: 200 })
export const PollBody = Type.Object(
  {
    maxEvents: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'At most 200 are given at once.' })),
    returnImmediately: Type.Optional(Type.Boolean()),
    ack: Type.Optional(Type.Array(Jti, { maxItems: 1_000 })),
    setErrs: Type.Optional(
      Type.Record(
        Jti,
        Type.Object(
          { err: Type.String({ maxLength: 100 }), description: Type.Optional(Type.String({ maxLength: 2_000 })) },
          open,
        ),
        {
          maxProperties: 1_000,
        },
      ),
    ),
  },
  { ...open, examples: [{ maxEvents: 100, returnImmediately: false, ack: [] }] },
)
export const PollView = Type.Object(
  { sets: Type.Record(Type.String(), Type.String()), moreAvailable: Type.Optional(Type.Boolean()) },
  open,
)
