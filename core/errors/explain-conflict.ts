import { violatedUnique } from '#db/registry/unique-violation.ts'
import { BrokerError } from './broker-error.ts'

/**
 * What the query resolves to. Throws `conflict` where it ran into what is unique: with the hint for that constraint, else with the one for
 * all of them.
 */
export async function explainConflict<T>(
  query: Promise<T>,
  hint: string,
  hints: Readonly<Record<string, string>> = {},
): Promise<T> {
  try {
    return await query
  } catch (cause) {
    const constraint = violatedUnique(cause)
    if (constraint === undefined) throw cause
    throw new BrokerError('conflict', { hint: hints[constraint] ?? hint, cause })
  }
}
