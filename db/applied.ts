// What a database remembers of its migrations, and whether this build goes on from there. Names alone do not tell: a file
// that was edited after it had been applied keeps its name, and the tables are others than the code believes.

import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Executor } from './unscoped-db.ts'

/** A migration by name (the file's, without `.sql`), with the hash of its statements; undefined where none was kept. */
export interface Applied {
  readonly name: string
  readonly sha256: string | undefined
}

/** The database was made by a build from which no migration leads to this one. */
export class OtherBuildError extends BrokerError {
  /** In words, with the names of the migrations. */
  readonly why: string

  constructor(files: readonly string[]) {
    const why = `It was made with other migrations than this build has (${files.join(', ')}).`
    super('internal', {
      hint: `The database belongs to another build of Mayfly. ${why} This build is not an upgrade of it, and nothing was changed. Run the build that made it, or give this one an empty database.`,
    })
    this.why = why
  }
}

/** SHA-256 (hex) of what a file does: line ends, blank lines and whole lines of comment do not count. */
export function hashStatements(text: string): string {
  const lines = text.split(/\r?\n/).map(line => line.trimEnd())
  return createHash('sha256')
    .update(lines.filter(line => !/^\s*(--.*)?$/.test(line)).join('\n'))
    .digest('hex')
}

/** Inside the transaction that applies a file. */
export async function rememberStatements(db: Executor, { name, sha256 }: Applied): Promise<void> {
  await sql`create table if not exists migration.statements (name text primary key, sha256 text not null)`.execute(db)
  await sql`insert into migration.statements (name, sha256) values (${name}, ${sha256})`.execute(db)
}

/** In the order of their names; none in a database that was never migrated. */
export async function readApplied(db: Executor): Promise<Applied[]> {
  if (!(await hasTable(db, 'migration.applied'))) return []
  // Names first: who is being migrated meanwhile has either none of them, or hashes of all.
  const { rows } = await sql<{ name: string }>`select name from migration.applied order by name`.execute(db)
  const hashes = (await hasTable(db, 'migration.statements'))
    ? (await sql<{ name: string; sha256: string }>`select name, sha256 from migration.statements`.execute(db)).rows
    : []
  const hashOf = new Map(hashes.map(({ name, sha256 }) => [name, sha256]))
  return rows.map(({ name }) => ({ name, sha256: hashOf.get(name) }))
}

async function hasTable(db: Executor, name: string): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`select to_regclass(${name}) is not null as there`.execute(db)
  return rows[0]!.there
}

/**
 * Refuses a database that this build does not continue: one that a newer Mayfly migrated (BrokerError), and one whose applied
 * files are not the first of ours, statement by statement (`OtherBuildError`). known: our files, by name.
 */
export function checkContinues(applied: readonly Applied[], known: readonly Required<Applied>[]): void {
  const ours = new Map(known.map(({ name, sha256 }) => [name, sha256]))
  const lastApplied = applied.at(-1)?.name ?? ''
  const lastKnown = known.at(-1)?.name ?? ''
  const edited = applied.filter(({ name, sha256 }) => ours.has(name) && ours.get(name) !== sha256)
  const gone = applied.filter(({ name }) => !ours.has(name) && name < lastKnown)
  const skipped = known.filter(({ name }) => name < lastApplied && !applied.some(one => one.name === name))
  const names = [...edited, ...gone, ...skipped].map(({ name }) => name).sort()
  if (names.length > 0) throw new OtherBuildError(shorten(names))
  const newer = applied.filter(({ name }) => name > lastKnown).map(({ name }) => name)
  if (newer.length > 0)
    throw new BrokerError('internal', {
      hint: `The database was migrated by a newer Mayfly (${newer.join(', ')}). Start that version.`,
    })
}

const shorten = (names: readonly string[]): readonly string[] =>
  names.length <= 3 ? names : [...names.slice(0, 2), `and ${names.length - 2} more`]
