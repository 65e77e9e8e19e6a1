import type { Ceilings } from '#core/account/ceilings.ts'
import type { ChangeDeps } from '#core/account/change-accounts.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Db } from '#db/connect.ts'

/** What claiming needs. */
export interface ClaimDeps extends ChangeDeps {
  /** The rows of one tenant. */
  readonly dbOf: (tenantId: string) => Db
  /** What the tenant has registered, read now. Throws `not_found` for a tenant that is gone. */
  readonly currentSnapshot: (tenantId: string) => Promise<TenantSnapshot>
  readonly ceilings: Ceilings
  /** The id of a ceiling, stored now if it never was. */
  readonly keepCeiling: (permission: Permission) => Promise<string>
  /** Opens what the log says of where an account was opened from. */
  readonly keyEncryption: KeyEncryption
  readonly codeMac: (accountId: string, code: string) => Buffer
}
