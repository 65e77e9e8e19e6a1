import type { ValidationProblem } from '#core/errors/validation-error.ts'

export interface MadeForConnector {
  readonly settings: Readonly<Record<string, unknown>>
  readonly admin: Readonly<Record<string, string>>
}

/** What a kind says of its registration, beside the schema that the API checks. */
export interface KindRules {
  /** Names of the secrets that it signs in with. */
  readonly admin: readonly string[]
  /** Settings that say where it is. */
  readonly place: readonly string[]
  readonly defaults: Readonly<Record<string, unknown>>
  /** What is made for it when it is registered: settings that are shown, and secrets that are sealed beside those that were given. */
  make(settings: Readonly<Record<string, unknown>>, nowMs: number): Promise<MadeForConnector>
  /** Settings that cannot change, because what was made goes by them. */
  readonly fixed: readonly string[]
  /** config: with its defaults. */
  findFaults(config: Readonly<Record<string, unknown>>): readonly ValidationProblem[]
}
