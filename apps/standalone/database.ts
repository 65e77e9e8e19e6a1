// The database of the standalone mode: the embedded PostgreSQL, or the server that DATABASE_URL names. Either way roles and
// schemas are made here, with passwords that only the state folder knows.

import { randomBytes } from 'node:crypto'
import { OtherBuildError } from '#db/applied.ts'
import { type DatabaseUrls, prepareDatabase } from '#db/prepare.ts'
import { startCluster } from './cluster/cluster.ts'
import type { Progress } from './progress.ts'
import { StartupError } from './startup-error.ts'
import type { StateFolder } from './state-folder.ts'

export interface StandaloneDatabase {
  readonly urls: DatabaseUrls
  /** For the screen, without a secret. */
  readonly description: string
  /** Resolves when a PostgreSQL of ours ended; never for another one. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

export interface DatabaseChoice {
  readonly state: StateFolder
  readonly databaseUrl: string | undefined
  readonly postgresPort: number | undefined
  readonly progress: Progress
  readonly log: (text: string) => void
}

const database = 'mayfly'

/** Throws StartupError. */
export async function openStandaloneDatabase(choice: DatabaseChoice): Promise<StandaloneDatabase> {
  return choice.databaseUrl === undefined ? openEmbedded(choice) : openGiven(choice, choice.databaseUrl)
}

async function openEmbedded({ state, postgresPort, progress, log }: DatabaseChoice): Promise<StandaloneDatabase> {
  const isNew = state.findSecret('cluster.json') === undefined
  const title = isNew ? 'Making a PostgreSQL of its own (first start only)' : 'Starting PostgreSQL'
  const cluster = await progress(title, () => startCluster({ state, log, ...(postgresPort && { port: postgresPort }) }))
  try {
    const urls = await prepare(state, cluster.adminUrl, database, progress)
    return {
      urls,
      description: `127.0.0.1:${cluster.port}, embedded`,
      ended: cluster.exited.then(code => `PostgreSQL ended with code ${code}; its log: ${state.path('logs/postgres.log')}`),
      stop: () => cluster.stop(),
    }
  } catch (error) {
    await cluster.stop()
    throw error instanceof OtherBuildError ? ofAnotherBuild(state.dir, error) : error
  }
}

async function openGiven({ state, progress }: DatabaseChoice, databaseUrl: string): Promise<StandaloneDatabase> {
  if (!URL.canParse(databaseUrl)) throw unusable('It is not a URL.', 'Write it as postgres://admin:password@host:5432/mayfly.')
  const url = new URL(databaseUrl)
  const named = decodeURIComponent(url.pathname.slice(1))
  const name = named === '' || named === 'postgres' ? database : named
  // The named database may not exist yet; every server has this one to connect to.
  url.pathname = '/postgres'
  try {
    const urls = await prepare(state, url.href, name, progress)
    return { urls, description: `${url.host}/${name}`, ended: new Promise(() => {}), stop: async () => {} }
  } catch (cause) {
    if (cause instanceof OtherBuildError)
      throw unusable(
        `The database ${name} at ${url.host} belongs to another build of Mayfly. ${cause.why}`,
        'This build is not an upgrade of it. Run the build that made it, or name another database.',
        cause,
      )
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'CONNECT_TIMEOUT')
      throw unusable(`Nothing answers at ${url.host} (${code}).`, 'Start that PostgreSQL, or unset DATABASE_URL.', cause)
    if (code === '28P01' || code === '28000')
      throw unusable(`${url.host} refuses the login ${url.username} (${message}).`, 'Correct user and password.', cause)
    if (code === '42501')
      throw unusable(
        `${url.username} may not do what is needed (${message}).`,
        'Use a login with CREATEROLE and CREATEDB.',
        cause,
      )
    throw cause
  }
}

function prepare(state: StateFolder, adminUrl: string, name: string, progress: Progress): Promise<DatabaseUrls> {
  const password = (role: string): string =>
    state.getOrCreateSecret(`database/${role}`, () => randomBytes(24).toString('base64url'))
  const passwords = { app: password('app'), queue: password('queue'), migrate: password('migrate') }
  return progress('Preparing roles and tables', () => prepareDatabase(adminUrl, name, passwords))
}

const ofAnotherBuild = (folder: string, cause: OtherBuildError): StartupError =>
  new StartupError({
    what: `The database in ${folder} belongs to another build of Mayfly.`,
    why: `${cause.why} This build is not an upgrade of it.`,
    remedy: `Delete the folder, with all that was tried out in it, and start again:\n    rm -rf '${folder}'\n  Or run the build that made it, or set MAYFLY_STATE_DIR to another folder.`,
    cause,
  })

const unusable = (why: string, remedy: string, cause?: unknown): StartupError =>
  new StartupError({ what: 'The PostgreSQL of DATABASE_URL cannot be used.', why, remedy, cause })
