import type { Sql } from 'postgres'

/** The key that the credential of an account is to belong to. Hashes are hex of SHA-256. */
export interface HolderBinding {
  readonly accountId: string
  readonly tenantId: string
  /** As the account has it. */
  readonly opener: string
  readonly key: string
  /** The event, written where the key is bound now. */
  readonly leaf: string
  readonly body: string
}

/**
 * The key that the account belongs to: the one given where none was bound before, with its event in the log. Null: the account is
 * not active and nobody's. One round trip, one commit.
 */
export async function holdAccount(sql: Sql, binding: HolderBinding): Promise<string | null> {
  const { accountId, tenantId, opener, key, leaf, body } = binding
  const [row] = await sql<[{ key: string | null }]>`
    select log.hold_account(${accountId}::uuid, ${tenantId}::uuid, ${opener}::text, ${key}::text, ${leaf}::text, ${body}::text) as key`
  return row.key
}
