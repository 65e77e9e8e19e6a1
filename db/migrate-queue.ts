import { runMigrations } from 'bullmq'
import pg from 'pg'

export const queueSchema = 'queue'

/**
 * Brings BullMQ's own tables up to date, in a schema and under a role of their own. Done here, in the migration step, and
 * never by a running worker. `url` logs in as mayfly_queue. Returns the schema version.
 */
export async function migrateQueue(url: string): Promise<number> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'mayfly-migrate',
    options: `-c search_path=${queueSchema}`,
  })
  await client.connect()
  try {
    return await runMigrations(client, queueSchema)
  } finally {
    await client.end()
  }
}
