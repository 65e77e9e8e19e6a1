import { expect } from 'vitest'
import { countAccounts } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

/** Sends subject tokens over a connection whose certificate by itself would prove the agent. */
export function subjectTokens(broker: BrokerInUse) {
  const exchange = (subject_token: string, changes: Record<string, string | undefined> = {}): Promise<Answer> =>
    broker.running.token(broker.running.form({ subject_token, ...changes }), broker.running.certificate)
  return {
    exchange,
    /** 400 invalid_request with a description; nothing was opened, and the answer does not repeat the token. */
    async expectRefused(token: string, changes: Record<string, string | undefined> = {}): Promise<void> {
      const before = await countAccounts(broker.database.admin)
      const { status, body, text } = await exchange(token, changes)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      expect(body.error_description).toBeTruthy()
      const tail = token.slice(-24)
      if (tail.length === 24) expect(text).not.toContain(tail)
      expect(await countAccounts(broker.database.admin)).toBe(before)
    },
  }
}
