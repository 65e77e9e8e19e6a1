import { sql } from 'kysely'
import type { Trx } from './connect.ts'

/**
 * Does the work and takes it back, whatever it wrote: what it returns is what it would have done. A failure is the caller's,
 * and the transaction is then good for nothing but its end.
 */
export async function tryOut<T>(trx: Trx, work: () => Promise<T>): Promise<T> {
  await sql`savepoint try_out`.execute(trx)
  const result = await work()
  await sql`rollback to savepoint try_out`.execute(trx)
  await sql`release savepoint try_out`.execute(trx)
  return result
}
