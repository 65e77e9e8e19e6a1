// Every kind of trust source, by the name that `trust_source.kind` has. What there is of types follows from this table.

import { builtinCaKind } from './builtin-ca.ts'
import { didKind } from './did.ts'
import { openIdKind } from './openid.ts'
import { pinnedKind } from './pinned.ts'
import { spiffeKind } from './spiffe.ts'
import type { CheckedTrustSource, IssuerContext, StoredTrustSource, TrustSourceKind } from './trust-source-kind.ts'
import { x509CaKind } from './x509-ca.ts'

const table = {
  openid: openIdKind,
  x509_ca: x509CaKind,
  spiffe: spiffeKind,
  pinned: pinnedKind,
  did: didKind,
  builtin_ca: builtinCaKind,
}

type Kinds = (typeof table)[keyof typeof table]
export type TrustSource = ReturnType<Kinds['toSource']>
export type TrustSourceInput = Parameters<Kinds['validate']>[0]
export type RuleMembers = ReturnType<Kinds['checkRule']>

/** Inside, kinds are just kinds: what one takes was checked by its own schema, and the type ends at this file's edge. */
type AnyKind = TrustSourceKind<never, TrustSource, RuleMembers> & { readonly kind: string }

/** Throws when there is no such kind: the database's check lets in no other. */
export function trustSourceKind(kind: string): AnyKind {
  const found = Object.hasOwn(table, kind) ? table[kind as keyof typeof table] : undefined
  if (!found) throw new Error(`there is no kind of trust source called ${kind}`)
  return found as unknown as AnyKind
}

/** The row to store and everything that is wrong with it. */
export const validateTrustSource = (input: TrustSourceInput, context: IssuerContext): CheckedTrustSource =>
  trustSourceKind(input.kind).validate(input as never, context)

export const toTrustSource = (row: StoredTrustSource & { readonly kind: string }): TrustSource =>
  trustSourceKind(row.kind).toSource(row)
