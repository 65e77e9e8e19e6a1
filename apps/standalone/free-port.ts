import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { StartupError, systemCode } from './startup-error.ts'

const LOOPBACK = '127.0.0.1'

/** Below the ports of outgoing connections (32768 and up on Linux, 49152 on macOS): one of those could take ours before PostgreSQL listens. */
const LOWEST = 12_000
const HIGHEST = 32_767

/** A port that is free on loopback: the demanded one, else the preferred one, else any. @throws StartupError if the demanded one is taken. */
export async function pickPort(demanded: number | undefined, preferred: number | undefined): Promise<number> {
  if (demanded !== undefined) {
    await assertPortFree({ port: demanded, purpose: 'PostgreSQL', variable: 'MAYFLY_POSTGRES_PORT' })
    return demanded
  }
  if (preferred !== undefined && (await tryPort(preferred)) !== undefined) return preferred
  for (let tries = 0; tries < 100; tries++) {
    const port = await tryPort(randomInt(LOWEST, HIGHEST))
    if (port !== undefined) return port
  }
  throw new Error(`no free port on loopback between ${LOWEST} and ${HIGHEST}`)
}

/**
 * Whether a server could listen on `port`.
 * @throws StartupError naming the port, who holds it if that can be found, and the variable that moves ours.
 */
export async function assertPortFree(wanted: { port: number; host?: string; purpose: string; variable: string }): Promise<void> {
  const { port, host = LOOPBACK, purpose, variable } = wanted
  let code: string | undefined
  try {
    if ((await tryPort(port, host)) !== undefined) return
  } catch (error) {
    code = systemCode(error)
    if (code !== 'EACCES') throw error
  }
  const holder = code === undefined ? findPortHolder(port) : undefined
  const by = holder === undefined ? 'Another program' : `${holder.command} (process ${holder.pid})`
  throw new StartupError({
    what: `Port ${port} (${purpose}) cannot be used.`,
    why: code === 'EACCES' ? 'This user may not open a port below 1024.' : `${by} already listens on it.`,
    remedy: `${holder === undefined ? 'Stop that program' : `Stop it (kill ${holder.pid})`}, or set ${variable} to a free port.`,
  })
}

/** The port that could be opened (and is closed again), or undefined when it is taken. */
function tryPort(port: number, host = LOOPBACK): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', error => (systemCode(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}

/** Who listens on a TCP port, from /proc; undefined when it cannot be seen (another user's process, or not Linux). */
export function findPortHolder(port: number): { pid: number; command: string } | undefined {
  const sockets = new Set([...listeningSockets('/proc/net/tcp', port), ...listeningSockets('/proc/net/tcp6', port)])
  if (sockets.size === 0) return undefined
  for (const pid of entries('/proc').filter(name => /^\d+$/.test(name))) {
    for (const fd of entries(`/proc/${pid}/fd`)) {
      if (sockets.has(linkOf(`/proc/${pid}/fd/${fd}`))) return { pid: Number(pid), command: textOf(`/proc/${pid}/comm`).trim() }
    }
  }
  return undefined
}

/** As `socket:[inode]`. Columns as in proc_net_tcp(5): 1 local address, 3 state (0A = listening), 9 inode. */
function listeningSockets(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return textOf(table)
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(columns => columns[1]?.endsWith(suffix) && columns[3] === '0A')
    .map(columns => `socket:[${columns[9]}]`)
}

function entries(path: string): string[] {
  return quietly(() => readdirSync(path)) ?? []
}

function linkOf(path: string): string {
  return quietly(() => readlinkSync(path)) ?? ''
}

function textOf(path: string): string {
  return quietly(() => readFileSync(path, 'utf8')) ?? ''
}

/** Processes come and go, and those of other users are closed to us. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
