// A broker in a process of its own, started from `apps/broker/main.ts` as in production, so that it can be killed.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(import.meta.resolve('#apps/broker/main.ts'))
const endWithParent = fileURLToPath(new URL('end-with-parent.ts', import.meta.url))

const readyWithinMs = 20_000
const keptLines = 200

export class ChildBroker {
  readonly process: ChildProcess
  /** The last lines of its log. */
  readonly lines: string[] = []
  /** Resolves with the exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>

  private constructor(env: Readonly<Record<string, string>>, preload: readonly string[], program: string) {
    const imports = [endWithParent, ...preload].flatMap(file => ['--import', file])
    this.process = spawn(process.execPath, [...imports, program], { env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.process.stdin?.on('error', () => {})
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', chunk => {
        this.lines.push(...String(chunk).split('\n').filter(Boolean))
        this.lines.splice(0, Math.max(0, this.lines.length - keptLines))
      })
    this.ended = new Promise(resolve => this.process.once('exit', (code, signal) => resolve(signal ?? code ?? 1)))
  }

  /**
   * Resolves when it says that it is ready; throws with its last words when it ends before. preload: files for `--import`.
   * program: the broker's source when left out.
   */
  static async start(
    env: Readonly<Record<string, string>>,
    preload: readonly string[] = [],
    program: string = source,
  ): Promise<ChildBroker> {
    const child = new ChildBroker(env, preload, program)
    const ready = new Promise<'ready'>(resolve => {
      child.process.stdout?.on('data', () => {
        if (child.lines.some(line => line.includes('broker ready'))) resolve('ready')
      })
    })
    const late = AbortSignal.timeout(readyWithinMs)
    const tooLate = new Promise<'late'>(resolve => late.addEventListener('abort', () => resolve('late')))
    const first = await Promise.race([ready, child.ended, tooLate])
    if (first === 'ready') return child
    child.process.kill('SIGKILL')
    throw new Error(`the broker did not start (${first}): ${child.lines.slice(-5).join(' | ')}`)
  }

  get pid(): number {
    return this.process.pid!
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }

  /** Resident memory in bytes; Linux only. */
  residentBytes(): number {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))
    return Number(found?.[1] ?? 0) * 1024
  }

  /** kill -9 unless told otherwise; resolves when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.hasEnded) this.process.kill(signal)
    await this.ended
  }
}
