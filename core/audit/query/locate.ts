import { catchUp } from '#core/audit/query/read-page.ts'
import { findLeaf } from '#db/log/find-leaf.ts'
import type { Executor } from '#db/unscoped-db.ts'

/**
 * The position that a position or an event's id names; undefined: there is no such event, or it is none of that tenant. tenantId null: of
 * whichever tenant. A position is not looked up: read the event there.
 */
export async function locateEvent(db: Executor, tenantId: string | null, name: string): Promise<number | undefined> {
  if (/^(0|[1-9][0-9]{0,14})$/.test(name)) return Number(name)
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)) return undefined
  await catchUp(db)
  return findLeaf(db, tenantId, { id: name }, Number.parseInt(name.replaceAll('-', '').slice(0, 12), 16))
}
