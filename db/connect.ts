// Opening a database. `Sql` runs the hot functions as written, each a query of its own: no transaction and no reserved
// connection, which its driver does not survive (`steady-socket.ts`). `Db` is the typed query builder, on a pool of its own.

import type { Kysely, Transaction } from 'kysely'
import postgres, { type Sql } from 'postgres'
import { openKysely } from './open-kysely.ts'
import type { DB } from './schema.ts'
import { createSteadySockets, paddedOptions } from './steady-socket.ts'
import type { UnscopedDb } from './unscoped-db.ts'

/** The rows of one tenant: `UnscopedDb.forTenant`. */
export type Db = Kysely<DB>
/** A function that locks or appends takes this and not `Db`, so the compiler forbids calling it outside a transaction. */
export type Trx = Transaction<DB>

export interface Database {
  /** Calls functions that look across tenants; of tables it sees those that belong to none. */
  readonly sql: Sql
  readonly db: UnscopedDb
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** Of each of the two pools; 8 for `sql` and 4 for `db` when nothing is said. */
  readonly poolSize?: number
  /** How long a connection attempt may take before it fails, in seconds. */
  readonly connectTimeoutSeconds?: number
  /** The server ends any statement after this, so that a hung disk frees our connection. */
  readonly statementTimeoutMs?: number
  readonly applicationName?: string
}

/** `smallint[]`, as `log.append` answers; other arrays stay PostgreSQL's text. */
const smallints = {
  to: 1005,
  from: [1005],
  serialize: (values: readonly number[]) => `{${values.join(',')}}`,
  parse: (text: string): number[] => (text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)),
}

/**
 * Whatever runs here looks up by key. The planner is told so, since a plan that is made and kept while a table is empty would
 * go on reading all of it: the first minutes of a new deployment were ten times slower than the rest.
 * Up to PostgreSQL 17 a plan that has no other way gets a cost so high that it would also be compiled (`jit`), for nothing.
 */
const alwaysByKey = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off', jit: 'off' }

/** `url`: postgres://role:password@host:port/database. Connects on first use. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const { connectTimeoutSeconds = 2, statementTimeoutMs = 10_000, applicationName = 'mayfly' } = options
  const plain = !wantsTls(url)
  const sql = postgres(url, {
    max: options.poolSize ?? 8,
    connect_timeout: connectTimeoutSeconds,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: () => 0.1,
    onnotice: () => {},
    // What the driver would ask each new connection about array types nobody could catch if it failed, so the one that we read
    // is named here.
    fetch_types: false,
    types: { bigint: postgres.BigInt, smallints },
    connection: {
      application_name: applicationName,
      statement_timeout: statementTimeoutMs,
      timezone: 'UTC',
      ...alwaysByKey,
      ...(plain && { options: paddedOptions }),
    },
    ...(plain && { socket: createSteadySockets() }),
  })
  const db = openKysely(url, {
    poolSize: options.poolSize ?? 4,
    connectTimeoutSeconds,
    statementTimeoutMs,
    applicationName,
  })
  const close = async (): Promise<void> => {
    await Promise.all([sql.end({ timeout: 2 }), db.destroy()])
  }
  return { sql, db, close }
}

/** TLS to the database is the driver's own: it takes over the socket, and with it how a loss is noticed. */
function wantsTls(url: string): boolean {
  const { searchParams } = new URL(url)
  const mode = searchParams.get('sslmode') ?? searchParams.get('ssl')
  return mode !== null && mode !== 'disable' && mode !== 'false'
}
