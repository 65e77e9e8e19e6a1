// The log at a broker: what is sealed of it under /log, and its entries as they stand under /v1.

import { Agent, type Dispatcher, request } from 'undici'
import { refusalOf, unreachable } from '../broker/refusal.ts'
import { CliError, systemCode } from '../cli-error.ts'
import type { Connection } from '../config/connection.ts'

export interface LogKeys {
  /** `<host>/log/<shard>` */
  readonly origin: string
  readonly shard: string
  /** Verifier keys, as signed-note writes them: every one that has signed this log, the newest first. */
  readonly log: readonly string[]
  readonly witnesses: readonly string[]
  /** The same keys with their times. */
  readonly keys?: readonly LogKey[]
  /** Logs that a restore has ended. */
  readonly earlier?: readonly EarlierLog[]
}

export interface LogKey {
  readonly key: string
  /** RFC 3339. */
  readonly since: string
  /** Left out: it signs. */
  readonly until?: string
  /** Signed note by which earlier keys named it. */
  readonly handover?: string
}

export interface EarlierLog {
  readonly origin: string
  readonly shard: string
  readonly log: readonly string[]
  readonly keys: readonly LogKey[]
}

export interface Stretch {
  readonly from: number
  readonly to: number
  /** Of the checkpoint that a tenant's proofs lead up to. */
  readonly size?: number
  readonly tenant?: string | undefined
  readonly format?: 'ndjson' | 'csv' | 'ocsf'
}

/** Positions that the broker gives at once. */
export const stretchPositions = 2_048
const timeoutMs = 60_000
const attempts = 5
const longestWaitMs = 10_000

export class LogSource {
  readonly #connection: Connection
  readonly #doing: string
  readonly #signal: AbortSignal
  readonly #agent: Agent

  /** doing: the command's name, for refusals. */
  constructor(connection: Connection, doing: string, signal: AbortSignal) {
    this.#connection = connection
    this.#doing = doing
    this.#signal = signal
    const { caPem } = connection
    this.#agent = new Agent({ connect: { timeout: timeoutMs, ...(caPem !== undefined && { ca: caPem }) }, connections: 8 })
  }

  async keys(): Promise<LogKeys> {
    return JSON.parse((await this.#get('/log/keys')).toString('utf8')) as LogKeys
  }

  /** The newest signed note of a shard. */
  async checkpoint(shard: string): Promise<string> {
    return (await this.#get(`/log/${shard}/checkpoint`)).toString('utf8')
  }

  /** The bytes under the path of a tile; undefined: there is none. */
  async findTile(shard: string, path: string): Promise<Buffer | undefined> {
    try {
      return await this.#get(`/log/${shard}/${path}`)
    } catch (error) {
      if (error instanceof CliError && error.failure.status === 404) return undefined
      throw error
    }
  }

  /** Lines of NDJSON. */
  async entries({ from, to, size, tenant, format }: Stretch): Promise<string> {
    return (await this.#get('/v1/audit/entries', { from, to, size, tenant, format })).toString('utf8')
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  /** Waits and asks again where the broker is busy or the connection fails: an export may take long. */
  async #get(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<Buffer> {
    const url = new URL(this.#connection.url + path)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#try(url, attempt === attempts)
      if (Buffer.isBuffer(answer)) return answer
      await wait(answer?.waitMs ?? 500 * attempt, this.#signal)
    }
  }

  /** Undefined, or how long to wait: it may be tried again. */
  async #try(url: URL, isLast: boolean): Promise<Buffer | { readonly waitMs: number } | undefined> {
    const { token } = this.#connection
    const headers = { accept: '*/*', ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)])
    let response: Dispatcher.ResponseData
    let bytes: Buffer
    try {
      response = await request(url, { dispatcher: this.#agent, headers, signal })
      bytes = Buffer.from(await response.body.arrayBuffer())
    } catch (error) {
      this.#signal.throwIfAborted()
      if (isLast) throw unreachable(this.#connection.url, `the connection failed (${systemCode(error) ?? 'no answer'})`)
      return undefined
    }
    const header = (name: string): string | undefined => [response.headers[name]].flat()[0]
    const { statusCode: status } = response
    if (status === 200) return bytes
    const retryAfterSeconds = Number(header('retry-after')) || undefined
    const isBusy = status === 429 || status === 503
    if (isBusy && !isLast && (retryAfterSeconds ?? 0) * 1000 <= longestWaitMs) return { waitMs: (retryAfterSeconds ?? 1) * 1000 }
    throw refusalOf(this.#doing, { status, body: parse(bytes), retryAfterSeconds })
  }
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
