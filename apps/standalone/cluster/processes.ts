// Which processes work on a data folder. A pid in a file proves nothing, pids are used again; what proves it is the process
// itself: PostgreSQL's program with our data folder as its `-D` argument and, where the system tells, as its working folder.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { systemCode } from '../startup-error.ts'

/** A process that ended and was not collected yet (a zombie, as under a container's first process) counts as dead. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

/** Whether `pid` is a PostgreSQL main process that was started on `dataDir`. */
export function isServerOf(pid: number, dataDir: string): boolean {
  const [program, ...args] = commandOf(pid)
  if (program === undefined || basename(program) !== 'postgres') return false
  const at = args.indexOf('-D')
  if (at < 0 || args[at + 1] !== dataDir) return false
  return process.platform !== 'linux' || workingFolder(pid) === dataDir
}

/**
 * All processes of PostgreSQL in `dataDir`, also the sessions of a server that was killed. Linux only; elsewhere none is
 * known, and the start waits for PostgreSQL's own interlock instead.
 */
export function processesIn(dataDir: string): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => Number.isInteger(pid) && workingFolder(pid) === dataDir && programOf(pid) === 'postgres')
}

function commandOf(pid: number): string[] {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
  } catch {
    return []
  }
}

function workingFolder(pid: number): string | undefined {
  return readLink(`/proc/${pid}/cwd`)
}

function programOf(pid: number): string | undefined {
  // The kernel marks a program whose file was replaced since, as after an update of node_modules.
  return basename(readLink(`/proc/${pid}/exe`)?.replace(/ \(deleted\)$/, '') ?? '')
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
