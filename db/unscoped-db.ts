// What a process holds of the database: a pool that shows nothing of any tenant. Whoever wants to see something names the tenant
// first, or calls a function of schema `across` (docs/decisions/0021-row-level-security.md).

import { type Dialect, type Driver, Kysely, PostgresDialect, type RawBuilder } from 'kysely'
import type pg from 'pg'
import type { Db } from './connect.ts'
import type { DB } from './schema.ts'
import { TenantDriver } from './tenant-driver.ts'

/** Whatever runs a statement as it is written: with a tenant, without one, or inside a transaction. */
export type Executor = Parameters<RawBuilder<unknown>['execute']>[0]

/** Until every caller names its tenant it is a query builder too; then it is not any more. */
export class UnscopedDb extends Kysely<DB> {
  readonly #dialect: PostgresDialect
  readonly #driver: Driver

  constructor(pool: pg.Pool) {
    const dialect = new PostgresDialect({ pool })
    const driver = dialect.createDriver()
    super({ dialect: withDriver(dialect, driver) })
    this.#dialect = dialect
    this.#driver = driver
  }

  /**
   * The rows of one tenant and no others. tenantId: uuid; null: those of the deployment itself, and every `mayfly.tenant`. Cheap:
   * make one where it is needed, keep none.
   */
  forTenant(tenantId: string | null): Db {
    return new Kysely<DB>({ dialect: withDriver(this.#dialect, new TenantDriver(this.#driver, tenantId)) })
  }
}

const withDriver = (dialect: PostgresDialect, driver: Driver): Dialect => ({
  createDriver: () => driver,
  createAdapter: () => dialect.createAdapter(),
  createQueryCompiler: () => dialect.createQueryCompiler(),
  createIntrospector: db => dialect.createIntrospector(db),
})
