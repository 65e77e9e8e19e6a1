// What a kind of trust source is made of. Each kind is one file beside this one and one line in `table.ts`; its body and
// answer over /v1 stand in a file of the same name in `apps/broker/routes/v1/trust-source-kinds`, with one line in the table there.

import type { ValidationProblem } from '#core/errors/validation-error.ts'
import type { TrustSourceValues } from '#db/registry/trust-sources.ts'

export interface IssuerContext {
  readonly baseUrl: string
  /** The tenant's own issuer: the audience when none is named. */
  readonly ownIssuer: string
}

/** A row as it is stored, whatever it was read with. */
export interface StoredTrustSource {
  readonly id: string
  readonly name: string
  readonly issuer: string | null
  readonly audience: string | null
  readonly config: unknown
}

/** Takes what is wrong, if anything is; the pointer is relative to what is checked (RFC 6901). */
export type Complain = (pointer: string, detail: string | undefined) => void

export type CheckedTrustSource = { readonly values: TrustSourceValues; readonly problems: readonly ValidationProblem[] }

export interface TrustSourceKind<Input, Source extends { readonly kind: string }, Rule> {
  readonly kind: Source['kind']
  /** Members of an agent's rule that mean something here, beside `trust_source`. */
  readonly ruleMembers: readonly string[]
  /** Said of a member that means nothing here: `The trust source is …: use ….` */
  readonly ruleHint: string
  /** Operators neither make nor delete it; what they may do instead, as a sentence. */
  readonly madeByBroker?: string
  /** The row to store and everything that is wrong with it. */
  readonly validate: (input: Input, context: IssuerContext) => CheckedTrustSource
  readonly toSource: (row: StoredTrustSource) => Source
  /** The rule's members in the form in which they are stored. config: of the trust source, as it is stored. */
  readonly checkRule: (rule: Partial<Rule>, complain: Complain, config: unknown) => Rule
}

/** The list of problems and what fills it. */
export function collectProblems(): { readonly problems: ValidationProblem[]; readonly complain: Complain } {
  const problems: ValidationProblem[] = []
  return { problems, complain: (pointer, detail) => detail !== undefined && problems.push({ pointer, detail }) }
}
