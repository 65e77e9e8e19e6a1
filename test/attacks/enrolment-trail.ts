// What attacks on enrolment look at: what the log says since the test began, and join tokens that have ended.

import { beforeEach, expect } from 'vitest'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { type LoggedEvent, logSize, readLog } from '#test/setup/log-reader.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

/** A certificate request that asks for nothing. */
export const plain = async (): Promise<string> => (await makeCertificateRequest()).pem

/** Matches the entries of one refusal for this reason. */
export const refusal = (reason: string): unknown[] => [expect.objectContaining({ body: expect.objectContaining({ reason }) })]

/** Call at the top of a test file. */
export function useEnrolmentTrail(broker: BrokerInUse) {
  let from = 0
  beforeEach(async () => {
    from = await logSize(broker.database.admin)
  })
  return {
    /** Entries of a type since the test began. */
    entries: async (type: string): Promise<LoggedEvent[]> =>
      (await readLog(broker.database.admin, from)).filter(({ leaf }) => leaf.type === type),
    /** Ends a join token now. */
    expire: (id: string) =>
      broker.database.admin`update mayfly.join_token set expires_at = clock_timestamp() where id = ${id.slice('join_'.length)}`,
  }
}
