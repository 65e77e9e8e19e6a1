// Revocations as any transaction makes them, without what makes the transaction.

import { randomBytes } from 'node:crypto'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { Database } from '#db/connect.ts'
import { publishRevocations } from '#db/revocation/publish.ts'

/** Commits one revocation of so many tokens that never were; gives their ids. onChosen: hears of each before anything is written. */
export async function revokeTokens(
  database: Database,
  tenantId: string,
  count = 1,
  untilSeconds?: number,
  onChosen?: (token: string) => void,
): Promise<string[]> {
  const tokens = Array.from({ length: count }, () => `at_${randomBytes(16).toString('hex')}`)
  for (const token of tokens) onChosen?.(token)
  const id = newUuid(Date.now())
  await database.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx =>
      publishRevocations(
        trx,
        tokens.map(subject => ({
          id,
          tenantId,
          kind: 'j',
          subject,
          least: null,
          untilSeconds,
          cause: 'token',
          by: { actor: formatId('credential', newUuid(Date.now())) },
        })),
      ),
    )
  return tokens
}
