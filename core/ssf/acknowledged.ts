import { formatId } from '#core/ids/id.ts'
import { readStreamStandings } from '#db/ssf/acknowledged.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

export interface StreamAcknowledgement {
  /** Of the receiver. */
  readonly name: string
  /** `evs_…` */
  readonly instance: string
  /** `rcv_…` */
  readonly receiver: string
  readonly at: Date
}

export interface StreamWaiting extends Omit<StreamAcknowledgement, 'at'> {
  readonly status: 'enabled' | 'paused'
  /** When its receiver last took anything; null: never. */
  readonly seenAt: Date | null
}

/** Which of a tenant's streams have taken everything up to an epoch of its feed, since when, and which have not. */
export async function streamsAcknowledged(
  db: Pick<UnscopedDb, 'forTenant'>,
  tenantId: string,
  epoch: number,
): Promise<{ readonly acknowledged: StreamAcknowledgement[]; readonly waiting: StreamWaiting[] }> {
  const acknowledged: StreamAcknowledgement[] = []
  const waiting: StreamWaiting[] = []
  for (const { streamId, receiverId, receiverName: name, at, takenAt, status } of await readStreamStandings(
    db.forTenant(tenantId),
    tenantId,
    epoch,
  )) {
    const who = { name, instance: formatId('stream', streamId), receiver: formatId('receiver', receiverId) }
    if (at === null) waiting.push({ ...who, status, seenAt: takenAt })
    else acknowledged.push({ ...who, at })
  }
  return { acknowledged, waiting }
}
