// A Redis of a test's own, from the system's redis-server, on a free port and without persistence.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from './free-port.ts'

export interface TestRedis {
  readonly url: string
  readonly process: ChildProcess
  stop(): Promise<void>
}

/**
 * Whether the system has a redis-server. Without one the tests of the second queue backend are left out, and the run says so;
 * in CI they must run, so there a missing one is an error.
 */
export const hasRedis: boolean = findRedis()

function findRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch (cause) {
    const advice = 'Install it: apt-get install redis-server, or brew install redis.'
    if (process.env['CI']) throw new Error(`These tests need redis-server. ${advice}`, { cause })
    console.warn(`No redis-server here: the tests of BullMQ on Redis are left out. ${advice}`)
    return false
  }
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('Ready to accept connections') && resolve())
    child.once('exit', code => reject(new Error(`redis-server ended with ${code}`)))
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    process: child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
