// The management API, `/v1`, as it is: method, path, body, answer. Its operations are described by the broker's /openapi.json.

import { randomUUID } from 'node:crypto'
import { createDispatcher, send } from './broker-connection.ts'
import { MayflyError } from './mayfly-error.ts'
import { delayAfter, wait } from './retry.ts'

/** Options of `createManagementClient`. */
export interface ManagementOptions {
  /** The broker's base URL. https. */
  readonly url: string
  /** An operator's token or session, read anew for each request. Undefined sends none: for what needs no credential. */
  readonly token?: string | (() => string | undefined)
  /** Authorities that may vouch for the broker, PEM; replaces the system's list. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** Deadline of one request. Default 20,000. */
  readonly timeoutMs?: number
}

/** One request. */
export interface ManagementRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the root: `/v1/agents`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as a form (RFC 6749 endpoints), in place of a body. */
  readonly form?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Of a POST; else one is made for its repetitions. Without quotation marks. */
  readonly idempotencyKey?: string
}

/** What came back, refusals among it: RFC 9457 problems in `body`. */
export interface ManagementAnswer {
  readonly status: number
  /** Undefined where the answer has none, or no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly retryAfterSeconds: number | undefined
}

/** Calls the management API. */
export interface ManagementClient {
  /**
   * Sends one request. A POST carries an `Idempotency-Key` of its own, so that what is repeated after a lost connection, a 429
   * or a 503 is done once. Throws a MayflyError `connection_failed` where no answer came, the signal's reason on abort.
   */
  request(sent: ManagementRequest): Promise<ManagementAnswer>
  close(): Promise<void>
}

/** A page of 200 agents with everything that a registration may hold is far below this. */
const maxAnswerBytes = 32 * 1024 * 1024

/** Makes a client. Throws a TypeError where the URL is no https URL. */
export function createManagementClient(options: ManagementOptions): ManagementClient {
  if (!URL.canParse(options.url) || new URL(options.url).protocol !== 'https:') {
    throw new TypeError('the broker is reached by https only')
  }
  const timeoutMs = options.timeoutMs ?? 20_000
  const dispatcher = createDispatcher({ certificate: undefined, ca: options.ca, timeoutMs })
  const attempt = (sent: ManagementRequest, idempotencyKey: string | undefined): Promise<ManagementAnswer> =>
    send(
      addressOf(options.url, sent),
      {
        method: sent.method,
        headers: headersOf(options, sent, idempotencyKey),
        ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
        ...(sent.form && { body: new URLSearchParams(sent.form).toString() }),
        signal: sent.signal,
        maxAnswerBytes,
      },
      dispatcher,
      timeoutMs,
    )
  return {
    async request(sent) {
      const idempotencyKey = sent.method === 'POST' ? `"${sent.idempotencyKey ?? randomUUID()}"` : undefined
      for (let count = 1; ; count += 1) {
        const answer = await attempt(sent, idempotencyKey).catch(error => thrown(error))
        const failure = answer instanceof MayflyError ? answer : refusedForNow(answer)
        const delay = failure && delayAfter(failure, count, { attempts: 3 }, Math.random())
        if (delay !== undefined) await wait(delay, sent.signal)
        else if (answer instanceof MayflyError) throw answer
        else return answer
      }
    },
    close: () => dispatcher.destroy(),
  }
}

function thrown(error: unknown): MayflyError {
  if (error instanceof MayflyError) return error
  throw error
}

const refusedForNow = ({ status, retryAfterSeconds }: ManagementAnswer): MayflyError | undefined =>
  status === 429 || status === 503
    ? new MayflyError({ error: 'temporarily_unavailable', description: '', status, retryAfterSeconds })
    : undefined

function addressOf(base: string, { path, query = {} }: ManagementRequest): string {
  const url = new URL(base.replace(/\/$/, '') + path)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  return url.href
}

function headersOf(options: ManagementOptions, sent: ManagementRequest, idempotencyKey: string | undefined) {
  const token = typeof options.token === 'function' ? options.token() : options.token
  return {
    accept: 'application/json, application/problem+json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(sent.body !== undefined && { 'content-type': 'application/json' }),
    ...(sent.form && { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
  }
}
