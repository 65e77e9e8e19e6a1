// Opening a database. `Sql` runs the hot functions as written; `Db` is the typed query builder over the same pool.

import { Kysely, type Transaction } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import postgres, { type Sql } from 'postgres'
import type { DB } from './schema.ts'

export type Db = Kysely<DB>
/** A function that locks or appends takes this and not `Db`, so the compiler forbids calling it outside a transaction. */
export type Trx = Transaction<DB>

export interface Database {
  readonly sql: Sql
  readonly db: Db
  close(): Promise<void>
}

export interface DatabaseOptions {
  readonly poolSize?: number
  /** How long a connection attempt may take before it fails, in seconds. */
  readonly connectTimeoutSeconds?: number
  /** The server ends any statement after this, so that a hung disk frees our connection. */
  readonly statementTimeoutMs?: number
  readonly applicationName?: string
}

/** `url`: postgres://role:password@host:port/database. Connects on first use. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const sql = postgres(url, {
    max: options.poolSize ?? 8,
    connect_timeout: options.connectTimeoutSeconds ?? 2,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: () => 0.1,
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
    connection: {
      application_name: options.applicationName ?? 'mayfly',
      statement_timeout: options.statementTimeoutMs ?? 10_000,
      timezone: 'UTC',
    },
  })
  const db = new Kysely<DB>({ dialect: new PostgresJSDialect({ postgres: sql }) })
  return { sql, db, close: () => sql.end({ timeout: 2 }) }
}
