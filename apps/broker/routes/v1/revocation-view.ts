// How revocations are shown, and whom they have reached.

import { type Static, Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import type { RevocationTarget } from '#core/revocation/publish.ts'
import { streamsAcknowledged } from '#core/ssf/acknowledged.ts'
import { receiversOf } from '#db/feed/receivers.ts'
import type { RevocationEntryRow, RevocationRow } from '#db/revocation/revocations.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { closed, Id, Time } from './schemas.ts'

export const kindNames = {
  a: 'account',
  x: 'tree',
  j: 'token',
  c: 'agent',
  k: 'key',
  t: 'tenant',
} as const satisfies Record<RevocationRow['kind'], string>

const Kind = Type.Enum([...Object.values(kindNames), 'trust_source'], {
  description: 'What was revoked. tree: an account with all below it.',
})
const Epoch = (description: string) => Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], { description })

const shown = {
  id: Id('revocation'),
  kind: Kind,
  subject: Type.String({ description: 'What tokens call it, or the trust source.' }),
  cause: Type.String({ description: 'What it came of: complete, revoke, close, claim, suspend, narrow; or what was revoked.' }),
  by: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
    description: 'Who did it: ids and words of ours.',
  }),
  at: Time,
  from_epoch: Epoch('Of its first entry in the feed; null: no token could be out that it would concern.'),
  to_epoch: Epoch('Who has come this far refuses all of it.'),
  entries_total: Type.Integer({ description: 'With those of accounts that ended because of it.' }),
}

export const RevocationView = Type.Object(shown, closed)

const Accounts = Type.Object(
  { ended: Type.Integer(), finished: Type.Boolean() },
  { ...closed, description: 'Accounts that end because of it, in the background. Their tokens are dead from the start.' },
)
const Entry = Type.Object(
  {
    epoch: Type.Integer(),
    kind: Type.Enum([...Object.values(kindNames)]),
    subject: Type.String(),
    least: Type.Union([Type.Integer(), Type.Null()], { description: 'The least gen or cfg that is still good; null: none is.' }),
    until: Type.String({ description: 'When the last token that it could be about has ended. RFC 3339, UTC.' }),
  },
  closed,
)
const Receiver = {
  name: Type.String(),
  instance: Type.String({ description: 'One process of a guard, or a stream of security events.' }),
  resource: Type.Optional(Type.String({ description: 'The RFC 8707 URI that it guards; left out for a stream.' })),
}
const Receivers = Type.Object(
  {
    acknowledged: Type.Array(
      Type.Object({ ...Receiver, at: Time, ms: Type.Number({ description: 'Since the commit of the revocation.' }) }, closed),
    ),
    waiting: Type.Array(
      Type.Object({ ...Receiver, seen_at: Type.Union([Time, Type.Null()], { description: 'Its last sign of life.' }) }, closed),
    ),
  },
  { ...closed, description: 'Guards that were there when it was revoked and were heard of in the last minute, and streams.' },
)

export const RevokedView = Type.Object({ ...shown, accounts: Type.Optional(Accounts) }, closed)
export const RevocationDetailView = Type.Object(
  {
    ...shown,
    accounts: Type.Optional(Accounts),
    entries: Type.Array(Entry, { description: 'The first 200.' }),
    receivers: Receivers,
  },
  closed,
)

/** What was named may be wider than the entries: a trust source has none of its own. */
const targetOf = ({ by }: RevocationRow): RevocationTarget | undefined => by?.['target'] as RevocationTarget | undefined

export function showRevocation(row: RevocationRow): Static<typeof RevocationView> {
  const target = targetOf(row)
  const { target: _, ...by } = row.by ?? {}
  return {
    id: formatId('revocation', row.id),
    kind: target?.kind === 'trust_source' ? 'trust_source' : kindNames[row.kind],
    subject: target?.kind === 'trust_source' ? target.subject : row.subject,
    cause: row.cause,
    by: row.by === null ? null : by,
    at: row.at.toISOString(),
    from_epoch: row.fromEpoch,
    to_epoch: row.toEpoch,
    entries_total: row.entries,
  }
}

export const showEntry = ({ epoch, kind, subject, least, until }: RevocationEntryRow): Static<typeof Entry> => ({
  epoch,
  kind: kindNames[kind],
  subject,
  least,
  until: until.toISOString(),
})

/** Who has come as far as this revocation, guards and streams alike. */
export async function readReceivers(db: UnscopedDb, tenantId: string, row: RevocationRow): Promise<Static<typeof Receivers>> {
  const [guards, streams] = await Promise.all([
    receiversOf(db.forTenant(tenantId), tenantId, row.toEpoch),
    streamsAcknowledged(db, tenantId, row.toEpoch),
  ])
  const msSince = (at: Date): number => Math.max(0, at.getTime() - row.at.getTime())
  return {
    acknowledged: [
      ...guards.acknowledged.map(({ name, instance, resourceUri: resource, at, ms }) => ({
        ...{ name, instance, resource, at: at.toISOString(), ms: roundMs(ms ?? msSince(at)) },
      })),
      ...streams.acknowledged.map(({ name, instance, at }) => ({
        name,
        instance,
        at: at.toISOString(),
        ms: roundMs(msSince(at)),
      })),
    ],
    waiting: [
      ...guards.waiting.map(({ name, instance, resourceUri: resource, seenAt }) => ({
        ...{ name, instance, resource, seen_at: seenAt.toISOString() },
      })),
      ...streams.waiting.map(({ name, instance, seenAt }) => ({ name, instance, seen_at: seenAt?.toISOString() ?? null })),
    ],
  }
}

const roundMs = (ms: number): number => Math.round(ms * 10) / 10
