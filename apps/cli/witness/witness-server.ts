// The witness on HTTP: `POST /add-checkpoint` (c2sp.org/tlog-witness), and `GET /logs` for whoever wants to compare what a log shows
// to others with what it has shown here. Anyone may ask; only what a known log signed is looked at any further.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { addCheckpointPath, sizeContentType } from '#core/witness/add-checkpoint.ts'
import type { Witness, WitnessAnswer } from '#core/witness/witness.ts'

/** 63 lines of proof and 64 signatures, with room. */
const bodyBytesMax = 64 * 1024
const text = 'text/plain; charset=utf-8'
const limits = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 8 * 1024,
}

export interface WitnessServerOptions {
  readonly witness: Witness
  /** The witness's own key, as logs are told of it. */
  readonly vkey: string
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Told of every judgement, before it is answered. */
  readonly onAnswer: (answer: WitnessAnswer) => Promise<void> | void
  /** Told of what went wrong here; the caller hears of 500 only. */
  readonly onFailure: (error: unknown) => void
}

export function createWitnessServer(options: WitnessServerOptions): Server {
  const listener: RequestListener = (request, response) => {
    answer(options, request, response).catch(error => {
      // Who goes away in the middle of a request is nobody's failure.
      if (request.destroyed && !request.complete) return
      options.onFailure(error)
      if (!response.headersSent) send(response, 500, 'The witness cannot keep what it cosigns.\n')
    })
  }
  const server = options.tls ? createTlsServer({ ...limits, ...options.tls }, listener) : createServer(limits, listener)
  server.maxConnections = 256
  return server
}

async function answer(options: WitnessServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://witness.invalid')
  if (pathname === '/logs' && request.method === 'GET') return sendJson(response, await describe(options))
  if (pathname !== `/${addCheckpointPath}`) return send(response, 404, 'POST /add-checkpoint, GET /logs\n')
  if (request.method !== 'POST') return send(response.setHeader('allow', 'POST'), 405, 'POST\n')
  const body = await readBody(request)
  if (body === undefined) return send(response.setHeader('connection', 'close'), 413, `At most ${bodyBytesMax} bytes.\n`)
  const judged = await options.witness.addCheckpoint(body)
  await options.onAnswer(judged)
  if (judged.status === 200) return send(response, 200, judged.lines)
  if (judged.status === 409) return send(response, 409, `${judged.size}\n`, sizeContentType)
  send(response, judged.status, `${judged.why}\n`)
}

async function describe({ witness, vkey }: WitnessServerOptions): Promise<object> {
  const logs = await witness.seen()
  return { witness: vkey, logs: logs.map(({ origin, note }) => ({ origin, checkpoint: note ?? null })) }
}

/** Undefined where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bodyBytesMax) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function send(response: ServerResponse, status: number, body: string, type = text): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).end(body)
}

const sendJson = (response: ServerResponse, body: object): void =>
  send(response, 200, `${JSON.stringify(body)}\n`, 'application/json; charset=utf-8')
