// What the routes of accounts under `/v1` stand on, made of what the token endpoint stands on.

import { createAccountCredentials } from '#core/account/account-credential.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { liveLimits } from '#core/quota/live-limits.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Database } from '#db/connect.ts'
import type { AccountApiDeps } from './routes/v1/account-reads.ts'

export interface AccountApiParts {
  readonly exchange: Pick<ExchangeDeps, 'accounts' | 'ceilings' | 'clock' | 'log' | 'quotas' | 'replaceClaimHash' | 'subjectKeys'>
  readonly directory: Pick<TenantDirectory, 'find' | 'refresh'>
  readonly database: Database
  readonly transition: AccountApiDeps['transition']
  /** At least 32 bytes, the same on every broker of the deployment. */
  readonly secret: Buffer
}

export function createAccountApi({ exchange, directory, database, transition, secret }: AccountApiParts): AccountApiDeps {
  const { quotas, ceilings } = exchange
  return {
    opening: {
      ...exchange,
      directory,
      credentialOf: createAccountCredentials(secret),
      limitsOf: (snapshot, agent) => liveLimits(quotas.limitsOf(snapshot, agent)),
    },
    async charge(snapshot, agentId, address) {
      const agent = snapshot.agents.get(agentId)
      if (agent) await quotas.take({ snapshot, agent, address, opens: true })
    },
    async snapshotOf(tenantId) {
      const snapshot = await directory.find(tenantId)
      if (!snapshot) throw new BrokerError('not_found', { hint: 'This tenant no longer exists.' })
      return snapshot
    },
    ceilingOf: id => ceilings.get(id),
    dbOf: tenantId => database.db.forTenant(tenantId),
    transition,
  }
}
