// Stands in for the broker towards the console: the same addresses, the security policy that a broker sends, and answers that a
// test sets. So every page can be brought about at will; that the broker itself answers like this, test/e2e shows.

import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize, resolve } from 'node:path'

const dist = resolve(import.meta.dirname, '../../../apps/console/dist')

export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

export interface FakeAnswer {
  readonly status: number
  readonly body?: object
}

export interface FakeRequest {
  /** As it came, with the tenant's prefix. */
  readonly url: string
  readonly method: string
  readonly path: string
  readonly body: Record<string, unknown>
}

export type Respond = (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>

export interface FakeBroker {
  readonly origin: string
  /** What was asked of `/console/api`, in order. */
  readonly requests: FakeRequest[]
  /** Every URL that was asked for. */
  readonly urls: string[]
  /** `GET /session` and the like → the answer. Without one: 404. */
  readonly answers: Record<string, FakeAnswer | Respond>
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

export async function startFakeBroker(): Promise<FakeBroker> {
  const requests: FakeRequest[] = []
  const urls: string[] = []
  const answers: Record<string, FakeAnswer | Respond> = {}
  const server = createServer((incoming, outgoing) => {
    urls.push(incoming.url ?? '')
    void answer(incoming, outgoing, requests, answers)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    urls,
    answers,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  requests: FakeRequest[],
  answers: FakeBroker['answers'],
): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://fake')
  const path = url.pathname.replace(/^\/t\/[^/]+/, '')
  outgoing.setHeader('content-security-policy', contentSecurityPolicy)
  const asset = /^\/console\/(assets\/.+)$/.exec(url.pathname)?.[1]
  if (asset) return sendFile(outgoing, asset)
  if (path === '/console/sign-in') {
    outgoing.writeHead(303, { location: url.searchParams.get('return_to') ?? '/console' }).end()
    return
  }
  if (!path.startsWith('/console/api') && path !== '/console/sign-out') return sendFile(outgoing, 'index.html')
  const request: FakeRequest = {
    url: incoming.url ?? '',
    method: incoming.method ?? '',
    path: path.replace('/console/api', ''),
    body: await readJson(incoming),
  }
  requests.push(request)
  const set = answers[`${request.method} ${request.path}`] ?? { status: 404, body: { code: 'not_found' } }
  const { status, body } = typeof set === 'function' ? await set(request) : set
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  outgoing
    .writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
    .end(status === 204 ? '' : JSON.stringify(body ?? {}))
}

async function sendFile(outgoing: ServerResponse, file: string): Promise<void> {
  const path = join(dist, normalize(`/${file}`))
  try {
    const content = await readFile(path)
    outgoing.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(content)
  } catch {
    outgoing.writeHead(404).end()
  }
}

async function readJson(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}
