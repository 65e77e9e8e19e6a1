import pg from 'pg'

/** The name of the unique constraint or index that a statement ran into, or undefined when it failed for another reason. */
export function violatedUnique(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError && error.code === '23505' ? error.constraint : undefined
}
