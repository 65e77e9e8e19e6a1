import type { ValidationProblem } from '#core/errors/validation-error.ts'

/** What a kind says of its registration, beside the schema that the API checks. */
export interface KindRules {
  /** Names of the secrets that it signs in with. */
  readonly admin: readonly string[]
  /** Settings that say where it is. */
  readonly place: readonly string[]
  readonly defaults: Readonly<Record<string, unknown>>
  /** config: with its defaults. */
  findFaults(config: Readonly<Record<string, unknown>>): readonly ValidationProblem[]
}
