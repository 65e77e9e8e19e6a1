// A kept-alive HTTPS connection that costs the load generator almost nothing: requests are bytes made before, and an answer is
// over once as many bytes came as its head says.

import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

/** Where to connect, with the certificate to show. */
export interface RawTarget {
  readonly port: number
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export class RawConnection {
  readonly #socket: TLSSocket
  #answered: ((status: number) => void) | undefined
  #text = ''

  static async open({ port, ca, cert, key }: RawTarget): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ca, cert, key })
    await once(socket, 'secureConnect')
    return new RawConnection(socket)
  }

  private constructor(socket: TLSSocket) {
    this.#socket = socket.setNoDelay().setEncoding('latin1')
    socket.on('data', (chunk: string) => this.#take(chunk))
    socket.on('error', () => {})
  }

  /** Sends one request and waits for its answer. Throws where that is not 200. */
  async ask(request: string): Promise<void> {
    const answer = new Promise<number>(resolve => {
      this.#answered = resolve
    })
    this.#socket.write(request)
    const status = await answer
    if (status !== 200) throw new Error(`the API answered ${status}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: string): void {
    this.#text += chunk
    const head = this.#text.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1] ?? 0)
    if (this.#text.length < head + 4 + length) return
    const status = Number(this.#text.slice(9, 12))
    this.#text = ''
    this.#answered?.(status)
  }
}

/** A request's bytes. */
export function requestText(method: string, path: string, token?: string): string {
  const authorization = token === undefined ? '' : `authorization: Bearer ${token}\r\n`
  const length = method === 'POST' ? 'content-length: 0\r\n' : ''
  return `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${authorization}${length}\r\n`
}
