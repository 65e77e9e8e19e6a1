import type { Sql } from 'postgres'
import { changeAccounts } from '#core/account/change-accounts.ts'
import { formatUuid } from '#core/ids/id.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'

/** Revokes an account as another broker would whose way to the database is whole. admin: to look; app: the runtime role. */
export async function revokeInDatabase(admin: Sql, app: Sql, accountId: string): Promise<void> {
  const id = formatUuid(accountId.slice(accountId.indexOf('_') + 1))
  const [row] = await admin<{ tenant: string }[]>`select tenant_id as tenant from mayfly.account where id = ${id}`
  const change = {
    accountId: id,
    tenantId: row!.tenant,
    transition: 'revoke',
    generation: null,
    facts: { by: 'operator' },
  } as const
  const [answer] = await changeAccounts({ transition: changes => transitionAccounts(app, changes) }, [change], Date.now())
  if (answer?.outcome !== 'done') throw new Error(`not revoked: ${answer?.outcome}`)
}
