// What every route of accounts has in common.

import type { Static } from 'typebox'
import type { ChangeDeps } from '#core/account/change-accounts.ts'
import type { OpenAheadDeps } from '#core/account/open-ahead.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { findAccountView, type AccountView as Row } from '#db/accounts/account-views.ts'
import type { Db } from '#db/connect.ts'
import { type AccountView, toAccountView } from './account-view.ts'
import type { V1Deps } from './deps.ts'
import { operatorSecurity } from './schemas.ts'

/** What the routes of accounts are given, beside what all of `/v1` is. */
export interface AccountApiDeps extends ChangeDeps {
  readonly opening: Omit<OpenAheadDeps, 'keepCeiling'>
  /** Counts an opening against the limits of tenant, agent and address. Throws QuotaError. */
  readonly charge: (snapshot: TenantSnapshot, agentId: string, address: string) => Promise<void>
  /** The tenant as it is registered now. Throws BrokerError `not_found`. */
  readonly snapshotOf: (tenantId: string) => Promise<TenantSnapshot>
  readonly ceilingOf: (ceilingId: string) => Promise<Permission>
  /** The rows of one tenant. */
  readonly dbOf: (tenantId: string) => Db
}

export const accountTags = { tags: ['temporary account'], security: operatorSecurity }

/** The account as `/v1` shows it. */
export const showAccount = async ({ accounts }: V1Deps, row: Row): Promise<Static<typeof AccountView>> =>
  toAccountView(row, await accounts.ceilingOf(row.ceilingId))

/** Throws BrokerError `not_found` also for what was collected. */
export async function getAccount({ accounts }: V1Deps, tenantId: string, id: string): Promise<Row> {
  const row = await findAccountView(accounts.dbOf(tenantId), tenantId, id)
  if (!row) throw new BrokerError('not_found')
  return row
}
