import type { OutboxRow } from '#db/accounts/outbox.ts'

/** One thing that has to be done because accounts changed. The list of them is `handlers.ts`. */
export interface OutboxHandler {
  /** As it stands in logs. */
  readonly name: string
  /** Those of the rows for which there is something to do: one look for many, since most rows concern nobody. */
  readonly pick: (rows: readonly OutboxRow[]) => Promise<readonly OutboxRow[]>
  /**
   * Does it. Called at least once for each row that was picked, perhaps by two workers at once, and rows of one account perhaps
   * in another order than they were written: what it does must be the same whenever it is repeated, by (account, generation,
   * transition). Rejects when it is to be tried again.
   */
  readonly handle: (row: OutboxRow) => Promise<void>
}
