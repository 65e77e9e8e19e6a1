import { spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncFolder } from '../secret-file.ts'
import { StartupError } from '../startup-error.ts'
import type { Binaries } from './binaries.ts'
import type { ClusterOwner } from './owner.ts'

export const SUPERUSER = 'postgres'

/**
 * Makes the data folder `dataDir`, whole or not at all: in a draft beside it, which is then renamed. Its parent must exist and
 * let `owner` in.
 * @throws StartupError
 */
export async function initialiseData(
  binaries: Binaries,
  target: { dataDir: string; owner: ClusterOwner | undefined; password: string },
): Promise<void> {
  const { dataDir, owner, password } = target
  const draft = `${dataDir}.draft`
  const passwordFile = `${draft}.password`
  rmSync(draft, { recursive: true, force: true })
  rmSync(passwordFile, { force: true })
  mkdirSync(draft, { mode: 0o700 })
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
  if (owner !== undefined) for (const path of [draft, passwordFile]) chownSync(path, owner.uid, owner.gid)
  try {
    await runInitdb(binaries, draft, passwordFile, owner)
  } finally {
    rmSync(passwordFile, { force: true })
  }
  renameSync(draft, dataDir)
  syncFolder(dirname(dataDir))
}

async function runInitdb(
  binaries: Binaries,
  draft: string,
  passwordFile: string,
  owner: ClusterOwner | undefined,
): Promise<void> {
  const args = [
    `--pgdata=${draft}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--data-checksums',
    // PostgreSQL's own rules for order and case, so that an update of the system's libraries never changes an index.
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ]
  const child = spawn(join(binaries.root, 'bin', 'initdb'), args, {
    cwd: draft,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(owner && { uid: owner.uid, gid: owner.gid }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
  const code = await new Promise<number | string>(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', exit => resolve(exit ?? 'ended by a signal'))
  })
  if (code === 0) return
  rmSync(draft, { recursive: true, force: true })
  throw initdbFailed(code, output, dirname(draft))
}

function initdbFailed(code: number | string, output: string, folder: string): StartupError {
  const last = output.trim().split('\n').slice(-4).join(' | ')
  const full = /no space left/i.test(output)
  return new StartupError({
    what: 'The database could not be created (initdb failed).',
    why: full ? `The disk that holds ${folder} is full.` : `initdb ended with ${code}: ${last || 'it said nothing'}`,
    remedy: full
      ? 'Free about 200 MB there, or set MAYFLY_STATE_DIR to a folder on another disk.'
      : 'Correct what it names and start again, or set DATABASE_URL to a PostgreSQL of your own.',
  })
}

/**
 * Whether there is data; its version must be one that these programs read.
 * @throws StartupError when another major version of PostgreSQL wrote it, or it is damaged.
 */
export function hasData(dataDir: string, major: number): boolean {
  const file = join(dataDir, 'PG_VERSION')
  if (!existsSync(file)) {
    if (existsSync(dataDir)) throw damaged(dataDir)
    return false
  }
  const written = Number(readFileSync(file, 'utf8').trim())
  if (written === major) return true
  throw new StartupError({
    what: `The database in ${dataDir} cannot be opened.`,
    why: `PostgreSQL ${written} wrote it, and this Mayfly brings PostgreSQL ${major}.`,
    remedy: `Run the Mayfly that came with PostgreSQL ${written} and export, or set MAYFLY_STATE_DIR to another folder for a fresh start.`,
  })
}

function damaged(dataDir: string): StartupError {
  return new StartupError({
    what: `The database in ${dataDir} cannot be opened.`,
    why: 'The folder is there but holds no PG_VERSION, so it is damaged or not a database.',
    remedy: 'Put it back from a backup, or set MAYFLY_STATE_DIR to another folder for a fresh start.',
  })
}
