import { BrokerError } from '#core/errors/broker-error.ts'
import type { Database } from '#db/connect.ts'
import { isRevoked, type RevocableToken } from '#db/revocation/find-revoked.ts'

/**
 * Whether a tenant's feed has revoked a token, asked of the database each time. Throws BrokerError `log_unavailable` while that does
 * not answer: nobody then knows.
 */
export const createRevocationCheck =
  ({ db }: Pick<Database, 'db'>) =>
  async (tenantId: string, token: RevocableToken): Promise<boolean> => {
    try {
      return await isRevoked(db.forTenant(tenantId), tenantId, token)
    } catch (cause) {
      throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
    }
  }
