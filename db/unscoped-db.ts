// What a process holds of the database: a pool that shows nothing of any tenant. Whoever wants to see something names the tenant
// first, or calls a function of schema `across` (docs/decisions/0021-row-level-security.md).

import { type Driver, Kysely, PostgresDialect, type QueryExecutor, type RawBuilder } from 'kysely'
import type pg from 'pg'
import type { Db } from './connect.ts'
import type { DB } from './schema.ts'
import { TenantDriver } from './tenant-driver.ts'

/** Whatever runs a statement as it is written: with a tenant, without one, or inside a transaction. */
export type Executor = Parameters<RawBuilder<unknown>['execute']>[0]

export class UnscopedDb {
  readonly #dialect: PostgresDialect
  readonly #driver: Driver
  readonly #plain: Kysely<DB>

  constructor(pool: pg.Pool) {
    this.#dialect = new PostgresDialect({ pool })
    this.#driver = this.#dialect.createDriver()
    this.#plain = this.#open(this.#driver)
  }

  /** For statements without a builder (`sql`…`.execute(db)`): calls of functions, tables that belong to no tenant. */
  getExecutor(): QueryExecutor {
    return this.#plain.getExecutor()
  }

  /**
   * The rows of one tenant and no others. tenantId: uuid; null: those of the deployment itself, and every `mayfly.tenant`. Cheap:
   * make one where it is needed, keep none.
   */
  forTenant(tenantId: string | null): Db {
    return this.#open(new TenantDriver(this.#driver, tenantId))
  }

  destroy(): Promise<void> {
    return this.#plain.destroy()
  }

  #open(driver: Driver): Kysely<DB> {
    const dialect = this.#dialect
    return new Kysely<DB>({
      dialect: {
        createDriver: () => driver,
        createAdapter: () => dialect.createAdapter(),
        createQueryCompiler: () => dialect.createQueryCompiler(),
        createIntrospector: db => dialect.createIntrospector(db),
      },
    })
  }
}
