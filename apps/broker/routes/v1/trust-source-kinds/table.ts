// Every kind of trust source as /v1 shows it. A kind that operators do not make themselves stands in the answers only.

import { type TProperties, Type } from 'typebox'
import type { TrustSourceInput } from '#core/registry/trust-source-kinds/table.ts'
import type { TrustSourceRow } from '#db/registry/trust-sources.ts'
import { stamps, suspension } from '../collection.ts'
import { closed, Id, SuspendedAt, Time } from '../schemas.ts'
import { builtinCaView } from './builtin-ca.ts'
import { didView } from './did.ts'
import { openIdView } from './openid.ts'
import { pinnedView } from './pinned.ts'
import { spiffeView } from './spiffe.ts'
import type { TrustSourceKindView } from './trust-source-kind.ts'
import { x509CaView } from './x509-ca.ts'

const views: Readonly<Record<string, TrustSourceKindView>> = {
  openid: openIdView,
  x509_ca: x509CaView,
  spiffe: spiffeView,
  pinned: pinnedView,
  did: didView,
  builtin_ca: builtinCaView,
}

const kinds = Object.values(views)
const registered = kinds.filter(({ madeByBroker }) => !madeByBroker)
const shown = { id: Id('trustSource'), created_at: Time, updated_at: Time, suspended_at: SuspendedAt }
const discriminator = { discriminator: { propertyName: 'kind' } }

/** Checked by the schema; its type is what core takes. */
export const TrustSourceBody = Type.Unsafe<TrustSourceInput>(
  Type.Union(
    registered.map(({ members }) => Type.Object(members, closed)),
    { ...discriminator, examples: registered.map(({ example }) => example) },
  ),
)

export const TrustSourceView = Type.Unsafe<Readonly<Record<string, unknown>>>(
  Type.Union(
    kinds.map(({ members }) => Type.Object({ ...shown, ...members }, closed)),
    discriminator,
  ),
)

/** Members of an agent's rule, beside `trust_source`. */
export const ruleMembers: TProperties = Object.assign({}, ...kinds.map(({ rule }) => rule))

export const viewTrustSource = (row: TrustSourceRow) => ({
  ...stamps('trustSource', row),
  ...suspension(row),
  name: row.name,
  kind: row.kind,
  ...views[row.kind]!.show(row),
})
