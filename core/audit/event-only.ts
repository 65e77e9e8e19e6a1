import type { AppendRequest, NewSubjectKey } from '#db/log/append.ts'
import type { PreparedEvent } from './event.ts'

/** A request that appends an event whatever the state of configuration and accounts: it reports something, it allows nothing. */
export function eventOnly(tenantId: string, event: PreparedEvent, subjectKey: NewSubjectKey | null = null): AppendRequest {
  return { tenantId, configEpoch: null, account: null, untilSeconds: 0, events: [event], opening: null, pin: null, subjectKey }
}
