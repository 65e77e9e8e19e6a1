// How `/v1` shows an account, and what is left of one.

import { type Static, Type } from 'typebox'
import { stateNames } from '#core/account/transitions.ts'
import { formatId } from '#core/ids/id.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { AccountView as Row, TombstoneView } from '#db/accounts/account-views.ts'
import { LegalHoldView } from './legal-holds.ts'
import { closed, Details, Id, Scope, Time } from './schemas.ts'

const State = Type.Enum([...Object.values(stateNames)])
const TimeOrNone = (description: string) => Type.Union([Time, Type.Null()], { description })

export const permissionMembers = { scope: Type.Optional(Scope), authorization_details: Type.Optional(Details) }

const LegalHolds = Type.Optional(
  Type.Array(LegalHoldView, {
    description:
      'Where one account is shown: legal holds that last and cover it, who placed them, and when. Left out: none does.',
  }),
)

export const AccountView = Type.Object(
  {
    id: Id('account'),
    agent: Id('agent'),
    task_id: Type.String(),
    state: State,
    live: Type.Boolean({ description: 'Whether its agent can get tokens in it now: also what it descends from must live.' }),
    generation: Type.Integer({ description: 'Tokens of lower ones are dead.' }),
    opened_at: Time,
    expires_at: TimeOrNone('null: it is claimed and has no deadline.'),
    permissions: Type.Object(permissionMembers, { ...closed, description: 'What it may ever be granted.' }),
    parent: Type.Union([Id('account'), Type.Null()], { description: 'null: a root account.' }),
    root: Id('account'),
    depth: Type.Integer({ description: '0: a root account.' }),
    claimed_at: Type.Optional(Time),
    review_on: Type.Optional(Type.String({ description: 'When whoever claimed it is to look at it again.' })),
    legal_holds: LegalHolds,
  },
  closed,
)

/** A tombstone. */
export const ReapedView = Type.Object(
  {
    id: Id('account'),
    state: Type.Literal('reaped', { description: 'All that is left: its task stays refused until the retention ends.' }),
    ended_as: State,
    reaped_at: Time,
    legal_holds: LegalHolds,
  },
  closed,
)

export const writePermission = ({ scopes, details }: Permission) => ({
  ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  ...(details.length > 0 && { authorization_details: [...details] }),
})

export function toAccountView(row: Row, permission: Permission): Static<typeof AccountView> {
  const id = (uuid: string): string => formatId('account', uuid)
  return {
    id: id(row.id),
    agent: formatId('agent', row.agentId),
    task_id: row.taskId,
    state: stateNames[row.state],
    live: row.live,
    generation: row.generation,
    opened_at: row.openedAt.toISOString(),
    expires_at: row.deadline?.toISOString() ?? null,
    permissions: writePermission(permission),
    parent: row.parentId && id(row.parentId),
    root: id(row.rootId ?? row.id),
    depth: row.depth,
    ...(row.claimedAt && { claimed_at: row.claimedAt.toISOString() }),
    ...(row.reviewOn && { review_on: row.reviewOn }),
  }
}

export const toReapedView = (row: TombstoneView): Static<typeof ReapedView> => ({
  id: formatId('account', row.id),
  state: 'reaped',
  ended_as: stateNames[row.state],
  reaped_at: row.endedAt.toISOString(),
})
