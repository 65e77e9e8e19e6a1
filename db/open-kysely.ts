// The typed query builder stands on `pg`, whose connections survive what a query builder does with them: it holds one for
// each transaction. postgres.js loses such a connection's slot, or its whole process, when PostgreSQL goes away meanwhile
// (porsager/postgres#1199, #1208); it serves the hot functions, which hold nothing (docs/decisions/0004-database-drivers.md).

import pg from 'pg'
import { UnscopedDb } from './unscoped-db.ts'

export interface KyselyOptions {
  readonly poolSize: number
  readonly connectTimeoutSeconds: number
  readonly statementTimeoutMs: number
  readonly applicationName: string
}

/** Values as `schema.ts` says: bigint for int8, Date for days (at midnight UTC) and times. Others as pg reads them. */
const parsers = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, BigInt],
  [pg.types.builtins.DATE, text => new Date(text)],
])
const types = {
  getTypeParser: ((oid: number, format: 'text') => parsers.get(oid) ?? pg.types.getTypeParser(oid, format)) as never,
}

/** pg writes a list as a PostgreSQL array; here every list and every plain object is a jsonb value. */
class JsonClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: pg's method has a dozen overloads, of which Kysely uses one
  override query(...args: any[]): any {
    const [text, values, ...rest] = args
    return super.query(text, Array.isArray(values) ? values.map(toParameter) : values, ...(rest as []))
  }
}

function toParameter(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value
  return JSON.stringify(value)
}

/** How long after the server's own limit an unanswered query is given up here. */
const graceMs = 2_000

export function openKysely(url: string, options: KyselyOptions): UnscopedDb {
  const pool = new pg.Pool({
    connectionString: url,
    Client: JsonClient as unknown as typeof pg.Client,
    types,
    max: options.poolSize,
    connectionTimeoutMillis: options.connectTimeoutSeconds * 1_000,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + graceMs,
    options: '-c timezone=UTC',
    keepAlive: true,
  })
  // A lost connection is heard of by the query that runs on it, or replaced when the next one needs it. Without a listener
  // the event itself would end the process.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return new UnscopedDb(pool)
}
