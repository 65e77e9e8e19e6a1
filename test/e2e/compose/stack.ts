// The deployment under test: a compose project of its own, with its own ports and volumes, beside whatever else runs here.

import { execFile, execFileSync, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = new URL('../../..', import.meta.url).pathname

/** Why containers cannot be started here, in words; undefined when they can. */
export function findMissingEngine(): string | undefined {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 20_000 })
  } catch {
    return 'There is no container engine here: `docker info` fails.'
  }
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore', timeout: 20_000 })
    return undefined
  } catch {
    return 'The engine has no Compose v2: `docker compose version` fails.'
  }
}

export interface ContainerState {
  readonly status: string
  readonly health: string | undefined
  readonly restarts: number
  readonly exitCode: number
}

export class Stack {
  readonly publicUrl: string
  readonly mtlsUrl: string
  readonly metricsUrl: string
  readonly #arguments: string[]
  readonly #env: NodeJS.ProcessEnv

  constructor(options: { project: string; ports: readonly [number, number, number]; envFile: string | undefined }) {
    const [port, mtlsPort, metricsPort] = options.ports
    this.publicUrl = `https://localhost:${port}`
    this.mtlsUrl = `https://localhost:${mtlsPort}`
    this.metricsUrl = `http://127.0.0.1:${metricsPort}`
    this.#arguments = ['compose', '-p', options.project, ...(options.envFile ? ['--env-file', options.envFile] : [])]
    this.#env = {
      ...process.env,
      MAYFLY_PORT: String(port),
      MAYFLY_MTLS_PORT: String(mtlsPort),
      MAYFLY_METRICS_PORT: String(metricsPort),
      MAYFLY_PUBLIC_URL: this.publicUrl,
      MAYFLY_MTLS_URL: this.mtlsUrl,
      COMPOSE_PROGRESS: 'quiet',
      COMPOSE_ANSI: 'never',
    }
  }

  /** Output of `docker compose …`, without the newline at its end. Throws with what the command wrote to stderr. */
  async compose(...args: string[]): Promise<string> {
    const options = { cwd: root, env: this.#env, maxBuffer: 32 * 1024 * 1024 }
    const { stdout } = await run('docker', [...this.#arguments, ...args], options)
    return stdout.replace(/\r?\n$/, '')
  }

  /** The same with its messages shown to whoever waits. */
  async composeAloud(...args: string[]): Promise<void> {
    const child = spawn('docker', [...this.#arguments, ...args], { cwd: root, env: this.#env, stdio: ['ignore', 2, 2] })
    const code = await new Promise(resolve => child.once('close', resolve))
    if (code !== 0) throw new Error(`docker compose ${args.join(' ')} ended with ${code}`)
  }

  exec(service: string, ...command: string[]): Promise<string> {
    return this.compose('exec', '-T', service, ...command)
  }

  async state(service: string): Promise<ContainerState> {
    const found = (await this.inspect(service))['State'] as Record<string, unknown>
    return {
      status: String(found['Status']),
      health: (found['Health'] as { Status?: string } | undefined)?.Status,
      restarts: Number((await this.inspect(service))['RestartCount']),
      exitCode: Number(found['ExitCode']),
    }
  }

  async inspect(service: string): Promise<Record<string, unknown>> {
    const id = await this.compose('ps', '-a', '-q', service)
    const { stdout } = await run('docker', ['inspect', id])
    return (JSON.parse(stdout) as Record<string, unknown>[])[0]!
  }

  /** One value from the database, asked inside its container. */
  async query(sql: string): Promise<string> {
    const psql = 'PGPASSWORD=$(cat /run/mayfly/password) exec psql -h 127.0.0.1 -U postgres -d mayfly -tAqc "$0"'
    return this.exec('postgres', 'sh', '-c', psql, sql)
  }
}

/** Polls until the condition holds. Throws with `what` when it does not within the time. */
export async function until(what: string, withinMs: number, condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + withinMs
  let last: unknown
  while (Date.now() < end) {
    try {
      if (await condition()) return
    } catch (error) {
      last = error
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  throw new Error(`${what}: not within ${withinMs / 1000} s${last ? ` (${(last as Error).message})` : ''}`)
}
