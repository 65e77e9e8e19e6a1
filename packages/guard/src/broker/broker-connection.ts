// The guard's own requests to the broker: https only, no redirects (any answer but the expected one is a failure), a size
// limit, one deadline over the whole exchange. node:https is used because it follows nothing and takes a CA of one's own.

import { Agent, type RequestOptions, request } from 'node:https'

/** How to reach the broker. */
export interface ConnectionOptions {
  /** PEM of the authorities that may vouch for the broker; replaces the system's list. */
  readonly ca: string | Buffer | readonly (string | Buffer)[] | undefined
  /** Deadline of one request, from start to last byte. */
  readonly timeoutMs: number
}

/** An answer; `body` is undefined where it is no JSON. */
export interface BrokerAnswer {
  readonly status: number
  readonly body: unknown
  readonly retryAfter?: string
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAfter?: string
}

/** What a GET may add. */
export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Longest answer that is read. Default 256 KiB. */
  readonly maxBytes?: number
}

interface Exchange {
  readonly body?: string
  readonly maxBytes?: number
  readonly isRepeat?: boolean
}

const maxAnswerBytes = 256 * 1024

/** A kept-alive connection pool to the broker. */
export class BrokerConnection {
  readonly #agent: Agent
  readonly #timeoutMs: number

  constructor(options: ConnectionOptions) {
    const ca = options.ca as string | Buffer | (string | Buffer)[] | undefined
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 32,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
    })
    this.#timeoutMs = options.timeoutMs
  }

  /** Reads a JSON document. Throws where the URL is not https, or the answer is not 200 with JSON. */
  async read(url: string): Promise<unknown> {
    const answer = await this.get(url)
    if (answer.status !== 200 || answer.body === undefined) throw new Error(`the broker answered ${answer.status}`)
    return answer.body
  }

  /** Reads a text of one media type. Throws where the URL is not https, or the answer is not 200. */
  async readText(url: string, accept: string, maxBytes: number): Promise<string> {
    const answer = await this.#send(url, { method: 'GET', headers: { accept } }, { maxBytes })
    if (answer.status !== 200) throw new Error(`the broker answered ${answer.status}`)
    return answer.text
  }

  /** Asks for JSON. Throws where the URL is not https, or no complete answer arrives in time. */
  async get(url: string, { headers = {}, maxBytes = maxAnswerBytes }: GetOptions = {}): Promise<BrokerAnswer> {
    return withBody(await this.#send(url, { method: 'GET', headers: { accept: 'application/json', ...headers } }, { maxBytes }))
  }

  /** Posts JSON with a bearer credential. Throws where no complete answer arrives in time. */
  async post(
    url: string,
    body: unknown,
    credential: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<BrokerAnswer> {
    const text = JSON.stringify(body)
    const fixed = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      accept: 'application/json',
      authorization: `Bearer ${credential}`,
    }
    return withBody(await this.#send(url, { method: 'POST', headers: { ...headers, ...fixed } }, { body: text }))
  }

  /** Ends idle connections. */
  close(): void {
    this.#agent.destroy()
  }

  #send(url: string, options: RequestOptions, exchange: Exchange): Promise<Answer> {
    const { body, maxBytes = maxAnswerBytes, isRepeat = false } = exchange
    if (new URL(url).protocol !== 'https:') throw new TypeError('the broker is reached by https only')
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(this.#timeoutMs)
      const sent = request(url, { ...options, agent: this.#agent, signal }, response => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > maxBytes) sent.destroy(new Error('the answer of the broker is too large'))
          else chunks.push(chunk)
        })
        response.on('end', () => {
          const retryAfter = response.headers['retry-after']
          const head = { status: response.statusCode ?? 0, ...(retryAfter === undefined ? {} : { retryAfter }) }
          resolve({ ...head, text: Buffer.concat(chunks).toString('utf8') })
        })
        response.on('error', reject)
      })
      sent.on('error', error => {
        // A kept-alive connection that the broker had just closed. Sending again is safe: whatever did arrive answers 409 to a
        // second consuming, and decisions are reported at least once.
        const wasClosed = sent.reusedSocket && !isRepeat && 'code' in error && error.code === 'ECONNRESET'
        if (wasClosed) resolve(this.#send(url, options, { ...exchange, isRepeat: true }))
        else reject(error)
      })
      sent.end(body)
    })
  }
}

function withBody({ text, ...head }: Answer): BrokerAnswer {
  try {
    return { ...head, body: JSON.parse(text) }
  } catch {
    return { ...head, body: undefined }
  }
}
