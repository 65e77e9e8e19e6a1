import { Type } from 'typebox'
import { closed, problems } from '../v1/schemas.ts'

const uuid = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
const Shard = Type.String({ pattern: uuid, description: 'An epoch means something only within its shard.' })
const Epoch = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const tags = ['feed']
const security = [{ resource: [] }]

export const SnapshotAnswer = Type.Object(
  {
    shard: Shard,
    epoch: Epoch,
    time: Type.Number({ description: "The database's clock, milliseconds since the epoch." }),
    entries: Type.Array(Type.String(), { description: '<kind><match>.<least>.<until>; docs/reference/feed.md.' }),
  },
  closed,
)

export const snapshotSchema = {
  tags,
  security,
  summary: 'All revocations that may still match a token',
  response: { 200: SnapshotAnswer, ...problems },
}

export const StreamQuery = Type.Object(
  {
    since: Type.Optional(
      Type.String({ maxLength: 64, description: '<shard>.<epoch> that the caller has; the header Last-Event-ID wins.' }),
    ),
  },
  closed,
)

export const streamSchema = {
  tags,
  security,
  summary: 'Revocations as they happen, as server-sent events: entries, heartbeat, reset',
  querystring: StreamQuery,
  response: {
    200: {
      description: 'Ends when the broker cannot vouch for it.',
      content: { 'text/event-stream': { schema: Type.String() } },
    },
    ...problems,
  },
}

export const AcknowledgementBody = Type.Object(
  {
    guard: Type.String({ pattern: '^[A-Za-z0-9._:-]{1,64}$', description: 'What operators call it.' }),
    instance: Type.String({ pattern: uuid, description: 'Of this process; made up when it starts.' }),
    shard: Shard,
    epoch: Epoch,
    leaving: Type.Optional(Type.Boolean({ description: 'It ends. Who revokes need not wait for it any more.' })),
  },
  {
    ...closed,
    examples: [
      {
        guard: 'orders-api',
        instance: '0198c0ff-ee00-4708-8000-0000000000aa',
        shard: '0198c0ff-ee00-4708-8000-0000000000bb',
        epoch: 45,
      },
    ],
  },
)

export const acknowledgementSchema = {
  tags,
  security,
  summary: 'Say up to which epoch a guard has applied the feed',
  body: AcknowledgementBody,
  response: { 204: { description: 'Noted.', type: 'null' }, ...problems },
}
