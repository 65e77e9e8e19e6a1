// Where the data lies. For an ordinary user: in the state folder. For root: the state folder is root's alone (0700) and the
// user that PostgreSQL runs as cannot pass it, so the data lies under /var/lib/mayfly, in a folder named after the state
// folder. A random id on both sides tells whether data found there still belongs to this state folder.
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { StartupError, systemCode } from '../startup-error.ts'
import type { StateFolder } from '../state-folder.ts'
import { assertUnplanted } from './reach.ts'

/** Kept in the state folder as `cluster.json`. */
export type ClusterRecord = {
  readonly id: string
  readonly dataDir: string
  readonly port?: number
  /** The data was made once; should it be missing later, that is a loss to report and not a first start. */
  readonly initialised?: boolean
}

/** Where root keeps what PostgreSQL's user must reach. */
export const SYSTEM_ROOT = '/var/lib/mayfly'

const RECORD = 'cluster.json'

/** The recorded place of the data, or a new one, made and recorded. */
export function locateCluster(state: StateFolder, systemRoot: string, log: (text: string) => void): ClusterRecord {
  const recorded = findRecord(state)
  if (recorded !== undefined) return assertSameData(recorded)
  const id = randomBytes(16).toString('hex')
  const home = realpathSync(process.getuid?.() === 0 ? systemHome(state, systemRoot) : state.folder('postgres'))
  setAside(home, log)
  const record = { id, dataDir: join(home, 'data') }
  writeFileSync(join(home, 'cluster-id'), `${id}\n`, { mode: 0o600 })
  saveRecord(state, record)
  return record
}

export function saveRecord(state: StateFolder, record: ClusterRecord): void {
  const inside = relative(state.dir, record.dataDir)
  // So that a state folder can be moved with the data in it.
  const dataDir = inside.startsWith('..') ? record.dataDir : inside
  state.writeSecret(RECORD, `${JSON.stringify({ ...record, dataDir }, null, 2)}\n`)
}

/** Removes the data of a state folder, wherever it lies; the cluster must be stopped. */
export function removeCluster(state: StateFolder): void {
  const record = findRecord(state)
  if (record !== undefined) rmSync(join(assertSameData(record).dataDir, '..'), { recursive: true, force: true })
}

function findRecord(state: StateFolder): ClusterRecord | undefined {
  const text = state.findSecret(RECORD)
  if (text === undefined) return undefined
  const record: ClusterRecord = JSON.parse(text)
  return { ...record, dataDir: resolve(state.dir, record.dataDir) }
}

function systemHome(state: StateFolder, systemRoot: string): string {
  const home = join(systemRoot, createHash('sha256').update(state.dir).digest('hex').slice(0, 16))
  try {
    mkdirSync(systemRoot, { recursive: true, mode: 0o711 })
    mkdirSync(home, { recursive: true, mode: 0o711 })
    for (const folder of [systemRoot, home]) chmodSync(folder, 0o711)
  } catch (cause) {
    throw new StartupError({
      what: `The database's folder ${home} cannot be made.`,
      why: `PostgreSQL does not run as root, so its data must lie outside the state folder, and ${systemRoot} cannot be written (${systemCode(cause) ?? cause}).`,
      remedy: `Allow writing to ${systemRoot}, start Mayfly as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.`,
      cause,
    })
  }
  assertUnplanted(home)
  writeFileSync(join(home, 'state-folder'), `${state.dir}\n`)
  return home
}

/** Data without a record: the state folder was deleted and with it the keys. It is kept once, in case it was only moved away. */
function setAside(home: string, log: (text: string) => void): void {
  if (!existsSync(join(home, 'data'))) return
  const aside = join(home, 'data.previous')
  rmSync(aside, { recursive: true, force: true })
  renameSync(join(home, 'data'), aside)
  log(`found data of an earlier state folder; moved it to ${aside}`)
}

function assertSameData(record: ClusterRecord): ClusterRecord {
  const mark = join(record.dataDir, '..', 'cluster-id')
  const found = existsSync(mark) ? readFileSync(mark, 'utf8').trim() : undefined
  if (found === record.id && (!record.initialised || existsSync(record.dataDir))) return record
  throw new StartupError({
    what: 'The database of this state folder is gone.',
    why: `It should lie in ${record.dataDir}, where there is ${found === undefined || found === record.id ? 'nothing' : 'the database of another state folder'} now.`,
    remedy: 'Put the folder back from a backup, or set MAYFLY_STATE_DIR to another folder for a fresh start.',
  })
}
