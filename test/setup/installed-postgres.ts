// A PostgreSQL that the system has installed, with its programs: backups need pg_dump of the server's own version, which the embedded
// one does not bring.

import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from './free-port.ts'

const needed = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql']
/** Where distributions put them. */
const homes = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt']

/** Folder of the newest one that is whole, or what TEST_PG_BIN names; undefined: none is installed. */
export function findInstalledPostgres(): string | undefined {
  const [newest] = installedPostgres()
  return newest
}

/** Every one that is whole, newest first; of TEST_PG_BIN that one alone. Throws where TEST_PG_BIN names none: nobody tests another by mistake. */
export function installedPostgres(): readonly string[] {
  const named = process.env['TEST_PG_BIN']
  if (named) {
    const missing = needed.filter(program => !existsSync(join(named, program)))
    if (missing.length > 0) throw new Error(`TEST_PG_BIN=${named} lacks ${missing.join(', ')}`)
    return [named]
  }
  const folders = homes.flatMap(home => (existsSync(home) ? readdirSync(home).map(name => join(home, name, 'bin')) : []))
  const number = (folder: string): number => Number(/(\d+)/.exec(folder.split('/').at(-2) ?? '')?.[1] ?? 0)
  return folders
    .filter(folder => needed.every(program => existsSync(join(folder, program))))
    .sort((a, b) => number(b) - number(a))
}

/** `pg_dump (PostgreSQL) 17.12 …` → 17. */
export function majorOf(program: string): number {
  const text = execFileSync(program, ['--version'], { encoding: 'utf8' })
  return Number(/\) (\d+)/.exec(text)?.[1] ?? 0)
}

export interface InstalledPostgres {
  /** As superuser, without a database's name. */
  readonly url: string
  close(): Promise<void>
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
export async function startInstalledPostgres(bin: string): Promise<InstalledPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'mayfly-installed-'))
  chmodSync(home, 0o711)
  const data = join(home, 'data')
  mkdirSync(data, { mode: 0o700 })
  const nobody = 65_534
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(data, nobody, nobody)
  const owner = isRoot ? { uid: nobody, gid: nobody } : {}
  const settings = { ...owner, cwd: data, stdio: 'ignore' } as const
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--locale=C'],
    settings,
  )
  const port = await freePort()
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${data}`],
    settings,
  )
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
  const url = `postgres://postgres@127.0.0.1:${port}`
  const close = async (): Promise<void> => {
    server.kill('SIGINT')
    await ended
    rmSync(home, { recursive: true, force: true })
  }
  const sql = postgres(`${url}/postgres`, { max: 1, onnotice: () => {}, backoff: () => 0.1 })
  try {
    for (let tries = 0; ; tries++)
      try {
        await sql`select 1`
        return { url, close }
      } catch (error) {
        if (tries > 100 || server.exitCode !== null) throw error
        await new Promise(resolve => setTimeout(resolve, 100))
      }
  } catch (error) {
    await close()
    throw error
  } finally {
    await sql.end({ timeout: 2 })
  }
}
