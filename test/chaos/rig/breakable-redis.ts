// A Redis that can be broken in every way that we know of, on one port and with one folder for its snapshot.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '#test/setup/free-port.ts'

export class BreakableRedis {
  readonly #port: number
  readonly #dir: string
  #process: ChildProcess | undefined

  private constructor(port: number, dir: string) {
    this.#port = port
    this.#dir = dir
  }

  static async start(): Promise<BreakableRedis> {
    const redis = new BreakableRedis(await freePort(), mkdtempSync(join(tmpdir(), 'mayfly-test-redis-')))
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  /** Starts it (again), with the snapshot that was saved last, if any. */
  async start(): Promise<void> {
    const settings = ['--port', `${this.#port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#dir]
    const child = spawn('redis-server', [...settings, '--lua-time-limit', '100'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => chunk.includes('Ready to accept connections') && resolve())
      child.once('exit', code => reject(new Error(`redis-server ended with ${code}`)))
    })
    this.#process = child
  }

  /** One command over a connection of its own. */
  async command(name: string, ...values: string[]): Promise<unknown> {
    const client = new Redis(this.url, { maxRetriesPerRequest: 0 })
    try {
      return await client.call(name, ...values)
    } finally {
      client.disconnect()
    }
  }

  /** From now on it answers everybody with BUSY, until the script is killed. */
  beginEndlessScript(): void {
    const client = new Redis(this.url, { maxRetriesPerRequest: 0 })
    client
      .call('EVAL', 'while true do end', '0')
      .catch(() => {})
      .finally(() => client.disconnect())
  }

  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
