// Where the browser comes back to (RFC 8252 § 7.3): a server on 127.0.0.1 that answers one page, for one sign-in. What does not
// carry this sign-in's state is turned away and changes nothing.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CliError } from '../cli-error.ts'

export interface LoopbackListener {
  readonly redirectUri: string
  /** The address that the browser came back with. Rejects after `timeoutMs`, or when the signal aborts. */
  wait(signal: AbortSignal, timeoutMs: number): Promise<URL>
  /** Tells the person in the browser how it went, and ends. */
  finish(ok: boolean): Promise<void>
}

const pages = {
  good: 'You are signed in. You can close this window and go back to the terminal.',
  bad: 'Signing in did not work. The terminal says why.',
  strange: 'This page belongs to another sign-in, or to none.',
}

export async function createLoopbackListener(state: string): Promise<LoopbackListener> {
  const arrived = Promise.withResolvers<URL>()
  arrived.promise.catch(() => undefined)
  let answer: ((text: string) => void) | undefined
  const server = createServer((request, response) => {
    const send = (status: number, text: string) => {
      response.writeHead(status, headers).end(pageOf(text))
    }
    const url = new URL(request.url ?? '/', redirectUri)
    const isOurs = request.method === 'GET' && url.pathname === '/callback' && url.searchParams.get('state') === state
    if (!isOurs || answer) return send(404, pages.strange)
    answer = text => send(200, text)
    arrived.resolve(url)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  return {
    redirectUri,
    wait: (signal, timeoutMs) => before(arrived.promise, signal, timeoutMs),
    async finish(ok) {
      answer?.(ok ? pages.good : pages.bad)
      await new Promise(resolve => {
        server.close(resolve)
        server.closeIdleConnections()
      })
    },
  }
}

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  connection: 'close',
}
const pageOf = (text: string): string => `<!doctype html><html lang="en"><title>Mayfly</title><p>${text}</p></html>`

function before(promise: Promise<URL>, signal: AbortSignal, timeoutMs: number): Promise<URL> {
  return new Promise((resolve, reject) => {
    const give = () =>
      reject(
        new CliError({
          what: 'Nobody came back from the browser.',
          why: `${Math.round(timeoutMs / 60_000)} minutes have passed.`,
          next: 'Try again; without a browser on this machine: mayfly login --device, or --no-browser',
        }),
      )
    const timer = setTimeout(give, timeoutMs)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
