// The contract between the bench and what it measures.
//
// A contender is a server in a process of its own. The load comes from another process, the same code for every contender,
// so what a contender wants to be asked is a module that the load process imports (`trafficModule`), given `trafficOptions`
// as JSON. That module exports `createTraffic: CreateTraffic`.

export interface Contender {
  /** One word; begins the names of its figures. */
  name: string
  start(): Promise<RunningContender>
}

export interface RunningContender {
  /** `import.meta.resolve('./traffic.ts')`. */
  trafficModule: string
  /** Anything that JSON can carry. */
  trafficOptions: unknown
  /** How many requests a second are made ready at most, when they cost time or memory to make; default 20,000. */
  mostPerSecond?: number
  /** Resident memory of the server's process(es). */
  rssBytes(): Promise<number>
  stop(): Promise<void>
}

/** Where the load goes. With `tls`, over TLS 1.3 and with the client certificate if `cert` and `key` (PEM) are there. */
export interface Target {
  host: string
  port: number
  tls?: { ca: string; servername: string } & ClientIdentity
}

/** A client certificate and its key, PEM. */
export interface ClientIdentity {
  cert?: string
  key?: string
}

export interface Traffic {
  target: Target
  /** Client certificates that the connections take in turn, in the place of the target's. */
  identities?: ClientIdentity[]
  /** A new connection (full TLS handshake, no resumption) for each request. */
  freshConnections?: boolean
  /** Makes ready the requests `first` to `first + count - 1`, outside the measured time. */
  prepare?(first: number, count: number): Promise<void> | void
  /** The whole HTTP/1.1 request as bytes (`httpRequest`). Indexes never repeat within a run of the bench. lane: the connection's number. */
  request(index: number, lane: number): Buffer
  /** Called after the measured time, for each answer with status 200. Throws when the answer is not what was asked for. */
  check(answer: Record<string, unknown>, claims: Record<string, unknown>, index: number): void
  /** Verifies the signature of a token. Called for a sample. */
  verify(token: string): Promise<void>
}

export type CreateTraffic = (options: never) => Promise<Traffic>

/** The bytes of an HTTP/1.1 request; `content-length` is added. */
export function httpRequest(input: { method: string; path: string; headers: Record<string, string>; body?: string }): Buffer {
  const body = input.body ?? ''
  const head = Object.entries({ ...input.headers, 'content-length': String(Buffer.byteLength(body)) })
  return Buffer.from(`${input.method} ${input.path} HTTP/1.1\r\n${head.map(pair => pair.join(': ')).join('\r\n')}\r\n\r\n${body}`)
}
