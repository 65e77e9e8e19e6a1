// The mistake that DESIGN warns of, made on purpose: `log.append` with the lock on the head and the look at accounts and
// configuration in ONE statement. It waits for the head with a snapshot from before the wait. A test that this function
// passes would prove nothing, so each race test must also catch it.

import type { Sql } from 'postgres'

const lockStatement = 'select h.size into strict first_position from log.head h where h.id = 1 for update;'
const joined = /into outcomes\s+from unnest\(/

/** Replaces `log.append` in this one database. Throws when the function no longer has the statements to bend. */
export async function installWrongAppend(admin: Sql): Promise<void> {
  const [row] = await admin`select pg_get_functiondef('log.append'::regproc) as text`
  const text = row!['text'] as string
  if (!text.includes(lockStatement) || !joined.test(text)) throw new Error('log.append has changed; bend it anew')
  const wrong = text
    .replace(lockStatement, '')
    .replace(
      joined,
      ', min(h.size) into outcomes, first_position from (select size from log.head where id = 1 for update) h cross join unnest(',
    )
  await admin.unsafe(wrong)
}
