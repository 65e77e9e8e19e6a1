import { type Static, Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import { findDifferences } from '#core/operators/two-person/find-differences.ts'
import type { Change } from '#db/operators/changes.ts'
import { PersonView, showPerson } from './person-view.ts'
import { closed, Id, Time } from './schemas.ts'

const Anything = (description: string) => Type.Unknown({ description })
const By = Type.Object(
  {
    credential: Id('credential'),
    role: Type.Optional(Type.String()),
    person: Type.Optional(PersonView),
  },
  closed,
)
const Difference = Type.Object(
  {
    op: Type.Enum(['add', 'remove', 'replace']),
    path: Type.String({ description: 'RFC 6901; empty: the whole of it.' }),
    was: Type.Optional(Anything('What stands there now.')),
    value: Type.Optional(Anything('What would.')),
  },
  closed,
)

export const ChangeView = Type.Object(
  {
    id: Id('change'),
    status: Type.Enum(['waiting', 'approved', 'applied', 'rejected', 'withdrawn', 'expired']),
    class: Type.String(),
    method: Type.String(),
    path: Type.String(),
    body: Type.Optional(Anything('As it was sent.')),
    after: Type.Optional(Anything('How it would be, or is since; missing: nothing would be left.')),
    differences: Type.Array(Difference),
    stale: Type.Optional(
      Type.Boolean({
        description: 'While it waits: what it is about has changed since, so that it cannot be approved any more.',
      }),
    ),
    proposed_by: By,
    created_at: Time,
    expires_at: Time,
    decided_by: Type.Optional(By),
    decided_at: Type.Optional(Time),
    break_glass_reason: Type.Optional(Type.String()),
  },
  closed,
)

/** now: what the change is about, as it stands; left out where it was not looked up. */
export function showChange(change: Change, now?: { readonly present: unknown }): Static<typeof ChangeView> {
  const [method, pattern] = change.operation.split(' ') as [string, string]
  const params = change.params as Readonly<Record<string, string>>
  const isWaiting = change.status === 'waiting'
  const before = isWaiting && now ? now.present : (change.before ?? undefined)
  return {
    id: formatId('change', change.id),
    status: change.status as Static<typeof ChangeView>['status'],
    class: change.class,
    method,
    path: pattern.replace(/:([a-z_]+)/g, (_match, name: string) => params[name] ?? ''),
    ...(change.body !== null && { body: change.body }),
    ...(change.after !== null && { after: change.after }),
    differences: findDifferences(before, change.after ?? undefined),
    ...(isWaiting && now && { stale: hasChanged(change, now.present) }),
    proposed_by: showProposer(change),
    created_at: change.created_at.toISOString(),
    expires_at: change.expires_at.toISOString(),
    ...(change.decider_id !== null && { decided_by: showDecider(change, change.decider_id) }),
    ...(change.decided_at !== null && { decided_at: change.decided_at.toISOString() }),
    ...(change.break_glass_reason !== null && { break_glass_reason: change.break_glass_reason }),
  }
}

/** Whether what a change is about stands differently than when it was proposed. */
export const hasChanged = (change: Change, present: unknown): boolean =>
  canonicalJson(change.before ?? null) !== canonicalJson(present ?? null)

const showProposer = (change: Change): Static<typeof By> => ({
  credential: formatId('credential', change.proposer_id),
  role: change.proposer_role,
  ...(change.proposer_person_id !== null && {
    person: showPerson({
      id: change.proposer_person_id,
      issuer: change.proposer_issuer,
      subject: change.proposer_subject,
      name: change.proposer_name,
    }),
  }),
})

const showDecider = (change: Change, credentialId: string): Static<typeof By> => ({
  credential: formatId('credential', credentialId),
  ...(change.decider_person_id !== null && {
    person: showPerson({
      id: change.decider_person_id,
      issuer: change.decider_issuer,
      subject: change.decider_subject,
      name: change.decider_name,
    }),
  }),
})
