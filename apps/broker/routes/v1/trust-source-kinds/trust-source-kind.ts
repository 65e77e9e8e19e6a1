// What /v1 says and takes of one kind of trust source. What it means stands in `core/registry/trust-source-kinds`.

import { type TProperties, Type } from 'typebox'
import type { TrustSourceRow } from '#db/registry/trust-sources.ts'

export interface TrustSourceKindView {
  /** Members of its body, with `kind` and `name`; those of its answer too. */
  readonly members: TProperties
  /** Members of an agent's rule that belong to it, all optional. */
  readonly rule: TProperties
  /** Operators do not make it: it stands in answers only. */
  readonly madeByBroker?: true
  readonly example: Readonly<Record<string, unknown>>
  /** The answer's members beside `kind`, `name`, the id and the times. */
  readonly show: (row: TrustSourceRow) => Readonly<Record<string, unknown>>
}

export const Pem = Type.String({
  minLength: 1,
  maxLength: 16_384,
  pattern: '^[\\x20-\\x7e\\r\\n]+$',
  description: 'One certificate, PEM.',
})

export const Pattern = (description: string) => Type.String({ minLength: 1, maxLength: 512, description })

export const ClaimName = '^[A-Za-z0-9_.:/@#-]{1,128}$'
