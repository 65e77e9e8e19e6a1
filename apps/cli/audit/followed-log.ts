// The log as it grows, from a broker: lines of NDJSON that go on where the last one ended, whatever happens to the connection. Each line
// names the one before it, so what is missing is seen here and not years later.

import { Agent, type Dispatcher, request } from 'undici'
import type { Thing } from '../broker/broker.ts'
import { refusalOf, unreachable } from '../broker/refusal.ts'
import { CliError, systemCode } from '../cli-error.ts'
import type { Connection } from '../config/connection.ts'

export interface LogLine extends Thing {
  readonly position: number
  /** Position of the line before. */
  readonly after: number
  readonly cursor: string
  /** Only in lines that tell of no entry. */
  readonly heartbeat?: string
}

export interface FollowOptions {
  readonly connection: Connection
  /** The command's name, for refusals. */
  readonly doing: string
  readonly query: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Whether it goes on when the connection breaks. */
  readonly follow: boolean
  /** Hears that the connection broke, and why. */
  readonly onBroken: (why: string) => void
  /** The first wait before it is tried again; doubled up to 30 s. */
  readonly retryMs?: number
}

const connectMs = 20_000
/** The broker says something every ten seconds. */
const silenceMs = 30_000
const longestWaitMs = 30_000
const longestLine = 4 * 1024 * 1024

/** Lines, heartbeats among them. Throws a CliError for a refusal, and where something is missing. */
export async function* followedLog(options: FollowOptions): AsyncGenerator<LogLine> {
  const { connection, signal, follow, onBroken, retryMs = 500 } = options
  const { caPem } = connection
  const dispatcher = new Agent({
    connect: { timeout: connectMs, ...(caPem !== undefined && { ca: caPem }) },
    bodyTimeout: silenceMs,
  })
  let last: LogLine | undefined
  try {
    for (let failures = 0; ; failures++) {
      try {
        for await (const line of readOnce(options, last, dispatcher)) {
          if (last !== undefined && line.after !== last.position) throw missing(last.position, line.after)
          failures = 0
          last = line
          yield line
        }
        if (!follow) return
        // A stream that is followed has no end of its own.
        throw new Broken('the broker ended the stream')
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof Broken)) throw error
        if (!follow || (last === undefined && failures === 0)) throw unreachable(connection.url, error.message)
        onBroken(error.message)
        await wait(error.waitMs ?? Math.min(retryMs * 2 ** failures, longestWaitMs), signal)
        if (signal.aborted) return
      }
    }
  } finally {
    await dispatcher.destroy()
  }
}

/** It may go on where it was. */
class Broken extends Error {
  readonly waitMs: number | undefined

  constructor(why: string, waitMs?: number) {
    super(why)
    this.waitMs = waitMs
  }
}

const missing = (last: number, after: number): CliError =>
  new CliError({
    what: 'Part of the log is missing in this stream.',
    why: `The last line was position ${last}, and the next one stands behind ${after}.`,
    next: 'Begin again with --after and the cursor of the last line. If it happens again: mayfly audit export, then mayfly audit verify.',
  })

async function* readOnce(options: FollowOptions, last: LogLine | undefined, dispatcher: Agent): AsyncGenerator<LogLine> {
  const { connection, query, signal } = options
  const url = new URL(`${connection.url}/v1/audit/stream`)
  const { from: _, ...rest } = query
  const wanted = last === undefined ? query : { ...rest, after: last.cursor }
  for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value)
  const { token } = connection
  const headers = { accept: 'application/x-ndjson', ...(token !== undefined && { authorization: `Bearer ${token}` }) }
  let answer: Dispatcher.ResponseData
  try {
    answer = await request(url, { dispatcher, headers, signal })
  } catch (error) {
    throw new Broken(`the connection failed (${systemCode(error) ?? 'no answer'})`)
  }
  if (answer.statusCode !== 200) throw await refused(options, answer)
  try {
    for await (const line of linesOf(answer.body)) yield JSON.parse(line) as LogLine
  } catch (error) {
    throw error instanceof CliError ? error : new Broken(`the connection broke (${systemCode(error) ?? 'no code'})`)
  }
}

async function refused({ doing }: FollowOptions, answer: Dispatcher.ResponseData): Promise<Error> {
  const body = (await answer.body.json().catch(() => undefined)) as Thing | undefined
  const retryAfterSeconds = Number([answer.headers['retry-after']].flat()[0]) || undefined
  const isBusy = answer.statusCode === 429 || answer.statusCode >= 500
  if (isBusy) return new Broken(`the broker answered ${answer.statusCode}`, (retryAfterSeconds ?? 1) * 1_000)
  return refusalOf(doing, { status: answer.statusCode, body, retryAfterSeconds })
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) throw new CliError({ what: 'A line of the stream is too long.' })
    yield* lines
  }
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
