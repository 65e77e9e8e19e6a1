import { Type } from 'typebox'
import { closed, Id } from '../schemas.ts'

const word = (maxLength: number, description: string) => Type.Optional(Type.String({ minLength: 1, maxLength, description }))

/** What may be asked of the log; all of it must hold. `core/audit/query/words.ts` reads it. */
export const auditWords = {
  account: Type.Optional(Id('account', 'Of this account, and what guards reported of it.')),
  task: word(128, 'Of the accounts of this task. Needs a tenant.'),
  agent: Type.Optional(Id('agent')),
  jti: Type.Optional(Id('token', 'Of this token.')),
  actor: word(60, 'Who did it: a credential (crd_…), a person (psn_…), an agent (agt_…).'),
  approver: Type.Optional(Id('person', 'Changes that this person let pass.')),
  about: word(60, 'What was registered, changed or proposed: res_…, src_…, con_…, chg_…, crd_…'),
  type: word(1_000, 'Types with commas between them: token.denied,account.*'),
  without: word(80, 'Only of accounts that have no entry of this type: account.claimed'),
  decision: word(20, 'allow, deny, defer; with commas between them.'),
  reason: Type.Optional(
    Type.String({ pattern: '^[a-z0-9_.-]{1,64}\\*?$', description: 'A reason code, or its beginning: scope*' }),
  ),
  from: word(40, 'Nothing older: a day, UTC, or an RFC 3339 time.'),
  to: word(40, 'Nothing of this moment or later; of a day all of it.'),
} as const

const cursor = Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'next_cursor of the page before.' }))
const order = (standard: string) =>
  Type.Optional(Type.Enum(['newest', 'oldest'], { description: `What comes first; ${standard} when left out.` }))
const opened = Type.Optional(
  Type.Enum(['open', 'closed'], {
    default: 'closed',
    description: 'open: also what is sealed under a subject’s key, as long as that key is there. For operators of the tenant.',
  }),
)
const tenant = Type.Optional(Id('tenant', 'For a platform-admin, who belongs to none.'))

export const mostLines = 1_000
const paged = {
  private: opened,
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: mostLines,
      default: 50,
      description: 'Up to 200 as JSON, as NDJSON and CSV up to 1000.',
    }),
  ),
  cursor,
  tenant,
} as const

export const EventsQuery = Type.Object(
  {
    ...auditWords,
    ...paged,
    order: order('newest'),
    count: Type.Optional(Type.Enum(['exact'], { description: 'Also how many there are in all. Each of them is looked at.' })),
    format: Type.Optional(
      Type.Enum(['json', 'ndjson', 'csv', 'ocsf'], {
        description: 'Also by Accept: application/x-ndjson, text/csv. ocsf: as json, with items as events of schema.ocsf.io.',
      }),
    ),
  },
  closed,
)
export const OneEventQuery = Type.Object({ tenant, private: opened }, closed)
export const EventParams = Type.Object(
  { id: Type.String({ pattern: '^([0-9]{1,15}|[0-9a-f-]{36})$', description: 'Its position in the log, or its id.' }) },
  closed,
)
export const TrailQuery = Type.Object(
  {
    ...paged,
    order: order('oldest'),
    family: Type.Optional(
      Type.Enum(['with', 'without'], {
        default: 'without',
        description: 'with: also what befell its ancestors and all below it.',
      }),
    ),
  },
  closed,
)

const Text = (description: string) => Type.String({ description })
const Facts = (description: string) => Type.Record(Type.String(), Type.Unknown(), { description })

export const EventView = Type.Object(
  {
    position: Type.Integer({ description: 'Place in the log, from 0.' }),
    id: Text('uuid'),
    time: Text('RFC 3339, UTC.'),
    type: Text('docs/events.md lists them.'),
    decision: Type.Optional(
      Type.Enum(['allow', 'deny', 'defer'], {
        description:
          'Missing where nothing is decided, and of a guard’s report whose facts retention has dropped: it said which.',
      }),
    ),
    reason: Type.Optional(Text('Code of ours.')),
    tenant: Type.Optional(Id('tenant')),
    agent: Type.Optional(Id('agent')),
    account: Type.Optional(Id('account')),
    token: Type.Optional(Text('jti')),
    actor: Type.Object(
      {
        kind: Type.Enum(['person', 'operator', 'agent', 'system']),
        id: Type.Optional(Type.String()),
        credential: Type.Optional(Type.String()),
        role: Type.Optional(Type.String()),
      },
      closed,
    ),
    facts: Type.Union([Facts('As they were recorded.'), Type.Null()], { description: 'null: retention has dropped them.' }),
    sealed: Type.Boolean({ description: 'Whether part of it is sealed under a subject’s key.' }),
    private: Type.Optional(
      Type.Union([Facts('What was sealed.'), Type.Null()], { description: 'With private=open. null: it was erased.' }),
    ),
    receipt: Text('base64url of the leaf’s hash; of a token its evt claim.'),
  },
  closed,
)

const pageMembers = {
  items: Type.Array(EventView),
  next_cursor: Type.Optional(
    Text(
      'Missing on the last page, and only there: a page may have fewer items than asked for, or none, where many had to be looked at.',
    ),
  ),
  complete_to: Type.Integer({ description: 'Every entry before this position was considered.' }),
  behind: Type.Integer({ description: 'Entries beyond that, which are found in a moment.' }),
} as const

export const EventsPageView = Type.Object(
  { ...pageMembers, count: Type.Optional(Type.Integer({ description: 'With count=exact: on all pages together.' })) },
  closed,
)

export const RelativeView = Type.Object(
  {
    account: Id('account'),
    parent: Type.Optional(Id('account')),
    agent: Type.Optional(Id('agent')),
    distance: Type.Integer({ description: 'Above it -1, -2, …; below it 1, 2, …' }),
    opened_at: Type.Optional(Type.String()),
    ended_at: Type.Optional(Type.String()),
    ended_by: Type.Optional(Text('Type of the event that ended it.')),
  },
  closed,
)

export const TrailView = Type.Object(
  {
    account: RelativeView,
    ancestors: Type.Array(RelativeView, { description: 'The root first.' }),
    descendants: Type.Array(RelativeView, { description: 'Nearest first; 500 at most.' }),
    ...pageMembers,
  },
  closed,
)
