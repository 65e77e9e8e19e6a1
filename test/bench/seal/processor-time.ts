// Processor time, not the time of the clock: what others run on the machine meanwhile does not count.

import { readdirSync, readFileSync } from 'node:fs'

/** Linux gives it in hundredths of a second. */
const tickMs = 10

/** utime and stime out of /proc/PID/stat; the command's name before them may hold anything. */
function statOf(pid: number | string): { readonly parent: number; readonly ms: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * tickMs }
  } catch {
    return undefined
  }
}

/** Milliseconds that a process has used so far. Linux alone tells it. Throws when there is no such process. */
export function processorMs(pid: number): number {
  const stat = statOf(pid)
  if (!stat) throw new Error(`/proc/${pid}/stat cannot be read`)
  return stat.ms
}

/** Of all processes that are children of this one, such as PostgreSQL's. */
export function childrenMs(parent: number): number {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(statOf)
    .filter(stat => stat?.parent === parent)
    .reduce((sum, stat) => sum + stat!.ms, 0)
}
