// Gives each transaction its tenant, so that PostgreSQL itself keeps the others' rows out of it
// (docs/decisions/0021-row-level-security.md).
//
// The setting is made by the statement that begins the transaction and is local to it: it ends with the transaction, however
// that ends, so no connection goes back to the pool with a tenant on it, and no reset can be forgotten or fail. A query outside
// a transaction gets one of its own.

import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, type TransactionSettings } from 'kysely'

/** What the deployment itself owns (`tenant_id` null) has this for a tenant. No tenant has it. */
export const deploymentScope = '00000000-0000-0000-0000-000000000000'

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The value of `mayfly.tenant`. Throws for what is no uuid: it is written into a statement. */
export function scopeValue(tenantId: string | null): string {
  const value = tenantId ?? deploymentScope
  if (!uuid.test(value)) throw new Error('a tenant is named by its uuid')
  return value
}

/** Hands out the connections of a pool that belongs to `base`, which stays open when this one is destroyed. */
export class TenantDriver implements Driver {
  readonly #base: Driver
  readonly #scope: string

  constructor(base: Driver, tenantId: string | null) {
    this.#base = base
    this.#scope = scopeValue(tenantId)
  }

  init(): Promise<void> {
    return this.#base.init()
  }

  async destroy(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new TenantConnection(this.#base, await this.#base.acquireConnection(), this.#scope)
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return own(connection).begin(settings)
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return own(connection).commit()
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return own(connection).rollback()
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await own(connection).release()
  }
}

const own = (connection: DatabaseConnection): TenantConnection => connection as TenantConnection

class TenantConnection implements DatabaseConnection {
  readonly #base: Driver
  readonly #inner: DatabaseConnection
  readonly #scope: string
  #inTransaction = false

  constructor(base: Driver, inner: DatabaseConnection, scope: string) {
    this.#base = base
    this.#inner = inner
    this.#scope = scope
  }

  /** One message to the server, as `begin` alone would be. */
  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const modes = [isolationLevel && `isolation level ${isolationLevel}`, accessMode].filter(mode => mode !== undefined)
    this.#inTransaction = true
    await this.#inner.executeQuery(CompiledQuery.raw(`begin ${modes.join(' ')}; set local mayfly.tenant = '${this.#scope}'`))
  }

  async commit(): Promise<void> {
    this.#inTransaction = false
    await this.#base.commitTransaction(this.#inner)
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false
    await this.#base.rollbackTransaction(this.#inner)
  }

  release(): Promise<void> {
    return this.#base.releaseConnection(this.#inner)
  }

  async executeQuery<O>(query: CompiledQuery): Promise<QueryResult<O>> {
    if (this.#inTransaction) return this.#inner.executeQuery<O>(query)
    let result: QueryResult<O>
    try {
      await this.begin({})
      result = await this.#inner.executeQuery<O>(query)
    } catch (error) {
      // A connection that cannot even roll back is dropped by `base`.
      await this.rollback().catch(() => {})
      throw error
    }
    await this.commit()
    return result
  }

  streamQuery<O>(): AsyncIterableIterator<QueryResult<O>> {
    throw new Error('rows are not streamed to a tenant')
  }
}
