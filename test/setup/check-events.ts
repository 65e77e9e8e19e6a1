import type { Sql } from 'postgres'
import { findEventFaults } from '#core/audit/catalogue/check.ts'
import type { LogEntry } from '#db/log/read-entries.ts'

/**
 * Throws when the log holds an entry that is not what the catalogue says of its type. Each test database is asked as it closes, so every
 * event that any test makes the product write is looked at. What a test wrote itself, in leaves that are no JSON, is passed over.
 * admin: a superuser's connection.
 */
export async function checkEvents(admin: Sql): Promise<void> {
  const faults = new Set<string>()
  const entries = admin<{ position: bigint; leaf: string; body: string | null }[]>`
    select e.position, e.leaf, b.body from log.entry e left join log.body b using (position)`
  for await (const rows of entries.cursor(1_000))
    for (const { position, leaf, body } of rows) {
      if (!isEnvelope(leaf)) continue
      for (const fault of faultsOf({ position: Number(position), leaf, body: body ?? undefined })) faults.add(fault)
    }
  if (faults.size > 0)
    throw new Error(`entries of the log are not what the catalogue says:\n${[...faults].slice(0, 20).join('\n')}`)
}

const isEnvelope = (leaf: string): boolean => leaf.startsWith('{') && leaf.endsWith('"v":1}') && leaf.includes('"body_hash"')

function faultsOf(entry: LogEntry): string[] {
  try {
    return findEventFaults(entry)
  } catch (error) {
    return [`entry ${entry.position}: ${error instanceof Error ? error.message : error}`]
  }
}
