import postgres from 'postgres'
import { expect, inject, test } from 'vitest'

test('the run has a PostgreSQL of its own, as durable as in production', async () => {
  const sql = postgres(inject('adminUrl'), { max: 1 })
  const [row] = await sql`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
    current_setting('full_page_writes') as pages, current_setting('data_checksums') as checksums`
  await sql.end()
  expect(row).toEqual({ fsync: 'on', commit: 'on', pages: 'on', checksums: 'on' })
})
