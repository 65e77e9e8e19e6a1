// Requests to the broker: https only, no redirects, a size limit, a deadline; with the client certificate where there is one.

import { Agent, request } from 'undici'
import { MayflyError } from './mayfly-error.ts'
import { retryAfterSeconds } from './retry.ts'

/** The client's certificate and key, PEM. */
export interface ClientCertificate {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

/** TLS and time limits of the connections. */
export interface ConnectionOptions {
  readonly certificate: ClientCertificate | undefined
  /** PEM of the authorities that may vouch for servers; replaces the system's list. */
  readonly ca: string | Buffer | readonly (string | Buffer)[] | undefined
  readonly timeoutMs: number
}

/** A request of the client's own. */
export interface BrokerRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal | undefined
  /** The longest answer that is read. Default 256 KiB. */
  readonly maxAnswerBytes?: number
}

/** A complete answer; `body` is undefined where it is no JSON object. */
export interface BrokerAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly retryAfterSeconds: number | undefined
  /** `DPoP-Nonce` (RFC 9449 § 8). */
  readonly dpopNonce: string | undefined
}

const standardAnswerBytes = 256 * 1024

/** A connection pool that presents the client's certificate. */
export function createDispatcher(options: ConnectionOptions): Agent {
  const { certificate, ca, timeoutMs } = options
  return new Agent({
    connect: {
      timeout: timeoutMs,
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca: ca as string | Buffer | (string | Buffer)[] }),
      ...(certificate ? { cert: certificate.cert, key: certificate.key } : {}),
    },
  })
}

/**
 * Sends one request and reads the whole answer. Throws a MayflyError `connection_failed` where none comes, the signal's
 * reason where the caller aborts.
 */
export async function send(url: string, sent: BrokerRequest, dispatcher: Agent, timeoutMs: number): Promise<BrokerAnswer> {
  if (!url.startsWith('https://'))
    throw new MayflyError({ error: 'invalid_use', description: 'the broker is reached by https only' })
  const deadline = AbortSignal.timeout(timeoutMs)
  const signal = sent.signal ? AbortSignal.any([sent.signal, deadline]) : deadline
  try {
    const { method, headers, body = null } = sent
    const answer = await request(url, { method, headers, body, dispatcher, signal })
    const text = await readText(answer.body, sent.maxAnswerBytes ?? standardAnswerBytes)
    const header = (name: string) => [answer.headers[name]].flat()[0]
    return {
      status: answer.statusCode,
      body: parseObject(text),
      retryAfterSeconds: retryAfterSeconds(header('retry-after'), Date.now()),
      dpopNonce: header('dpop-nonce'),
    }
  } catch (error) {
    if (sent.signal?.aborted) throw sent.signal.reason
    if (error instanceof MayflyError) throw error
    const description = deadline.aborted ? `no answer within ${timeoutMs} ms` : `the connection failed (${codeOf(error)})`
    throw new MayflyError({ error: 'connection_failed', description })
  }
}

async function readText(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw new MayflyError({ error: 'invalid_response', description: 'the answer is too large' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The error's code only: messages of the TLS layer may quote what was sent. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'no code'
}
