// Very many readers of one feed in one process: raw TLS connections that look only for what they are asked to find, so that the
// machine's time goes to the broker.

import { connect, type TLSSocket } from 'node:tls'

export interface ReaderOptions {
  readonly port: number
  readonly caPem: string
  readonly secret: string
  /** `<shard>.<epoch>` */
  readonly since: string
}

export class ManyReaders {
  readonly #options: ReaderOptions
  readonly #sockets: TLSSocket[] = []
  #heartbeats = 0
  #awaited: { readonly text: string; missing: Set<TLSSocket>; readonly done: () => void } | undefined

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#sockets.filter(socket => !socket.destroyed).length
  }

  get heartbeats(): number {
    return this.#heartbeats
  }

  /** Opens so many more; resolves when each has had its first heartbeat. */
  async open(count: number, atOnce = 50): Promise<void> {
    for (let opened = 0; opened < count; opened += atOnce)
      await Promise.all(Array.from({ length: Math.min(atOnce, count - opened) }, () => this.#openOne()))
  }

  #openOne(): Promise<void> {
    const { port, caPem, secret, since } = this.#options
    const socket = connect({ host: '127.0.0.1', port, ca: caPem, servername: 'localhost' })
    this.#sockets.push(socket)
    return new Promise((resolve, reject) => {
      let isReading = false
      socket.setEncoding('latin1')
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('a stream was closed')))
      socket.on('data', (text: unknown) => {
        const chunk = text as string
        if (!isReading && !chunk.includes('heartbeat')) {
          if (!chunk.startsWith('HTTP/1.1 200')) reject(new Error(chunk.slice(0, 200)))
          return
        }
        isReading = true
        resolve()
        this.#hear(socket, chunk)
      })
      socket.once('secureConnect', () =>
        socket.write(`GET /v1/feed?since=${since} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${secret}\r\n\r\n`),
      )
    })
  }

  #hear(socket: TLSSocket, chunk: string): void {
    if (chunk.includes('heartbeat')) this.#heartbeats++
    const awaited = this.#awaited
    if (!awaited || !chunk.includes(awaited.text)) return
    awaited.missing.delete(socket)
    if (awaited.missing.size === 0) awaited.done()
  }

  /** Resolves with the monotonic time at which the last reader has seen the text. */
  async heardByAll(text: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#awaited = { text, missing: new Set(this.#sockets), done: () => resolve(performance.now()) }
    return promise
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
