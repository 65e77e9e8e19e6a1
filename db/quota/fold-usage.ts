import type { Sql } from 'postgres'

/** Entries of the log that one transaction folds. */
const batch = 5_000

/** Adds up what the log says of use since the last call. Returns how many entries were read. Any number of workers may call it. */
export async function foldUsage(sql: Sql): Promise<number> {
  let total = 0
  for (;;) {
    const [{ folded }] = await sql<[{ folded: number }]>`select across.fold_usage(${batch}) as folded`
    total += folded
    if (folded < batch) return total
  }
}

/** Deletes what leases of ended windows and of accounts that are gone have left. */
export async function forgetQuota(sql: Sql): Promise<number> {
  const [{ forgotten }] = await sql<[{ forgotten: number }]>`select across.forget_quota(${batch}) as forgotten`
  return forgotten
}
