// A connection to PostgreSQL whose loss the driver survives.
//
// postgres.js 3.4.9 mishandles the moment of a loss (porsager/postgres#1154, #1199, #1208): a query that is sent between the
// socket's `error` and its `close` is never answered; a query on a reserved connection (each of Kysely's, each in a
// transaction) after `close` throws where nobody can catch it and ends the process; and bytes that waited to be written stay
// in its buffer, so that the next connection never says a word. PostgreSQL restarts; a broker must not die or hang of it.
//
// So the driver gets this socket instead of the bare one. It says `error` at once, answers whatever is still sent with `error`
// too, and says `close` only after whoever holds the connection has had the time to give it back. What the driver had left
// in its buffer is dropped from the first bytes of the next connection.

import { EventEmitter } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Longer than any transaction here works between two of its queries. */
const transactionMs = 250
/** Outside a transaction a connection is given back in the same turn of the loop in which its query fails. */
const idleMs = 10

/**
 * Startup parameter that makes the first message longer than 1,024 bytes. postgres.js writes such a message at once, whatever
 * it left in its buffer; shorter ones would wait for a timer that it cleared. PostgreSQL reads blanks as no options.
 */
export const paddedOptions = ' '.repeat(1_024)

const protocol3 = 3 << 16
const insideTransaction = new Set(['T', 'E'])

/** As postgres.js calls it, with its own options; hosts are tried in turn. */
export function createSteadySockets(): (options: {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path: string | false | undefined
}) => SteadySocket {
  let next = 0
  return ({ host, port, path }) => {
    const at = next++ % host.length
    return new SteadySocket(path ? connect(path) : connect(port[at] ?? 5432, host[at] ?? 'localhost'))
  }
}

class SteadySocket extends EventEmitter {
  readonly #inner: Socket
  #lost: Error | undefined
  #greeted = false
  #tail: Buffer = Buffer.alloc(0)
  /** Transaction status of the last ReadyForQuery. */
  #status = 'I'

  constructor(inner: Socket) {
    super()
    this.#inner = inner
    inner.on('data', (data: Buffer) => {
      this.#notice(data)
      this.emit('data', data)
    })
    inner.on('drain', () => this.emit('drain'))
    inner.on('error', error => this.#lose(error))
    inner.on('close', () => this.#lose(Object.assign(new Error('the connection was closed'), { code: 'CONNECTION_CLOSED' })))
  }

  get readyState(): string {
    return this.#lost ? 'closed' : this.#inner.readyState
  }

  write(bytes: Buffer, done?: () => void): boolean {
    if (this.#lost) {
      process.nextTick(() => this.#fail())
      return true
    }
    const whole = this.#greeted ? bytes : withoutLeftovers(bytes)
    this.#greeted = true
    return this.#inner.write(whole, done)
  }

  end(bytes?: Buffer): void {
    if (!this.#lost && bytes) this.#inner.end(bytes)
  }

  destroy(): void {
    this.#inner.destroy()
  }

  setKeepAlive(on: boolean, initialDelayMs: number): void {
    this.#inner.setKeepAlive(on, initialDelayMs)
  }

  pause(): void {
    this.#inner.pause()
  }

  resume(): void {
    this.#inner.resume()
  }

  #lose(error: Error): void {
    if (this.#lost) return
    this.#lost = error
    this.#fail()
    setTimeout(() => this.emit('close', false), insideTransaction.has(this.#status) ? transactionMs : idleMs)
  }

  /** ReadyForQuery ends what the server has to say: `Z`, length 5, status. */
  #notice(data: Buffer): void {
    this.#tail = data.length < 6 ? Buffer.concat([this.#tail, data]).subarray(-6) : data.subarray(-6)
    if (this.#tail.length < 6 || this.#tail[0] !== 0x5a || this.#tail.readUInt32BE(1) !== 5) return
    this.#status = String.fromCharCode(this.#tail[5]!)
  }

  #fail(): void {
    if (this.listenerCount('error') > 0) this.emit('error', this.#lost)
  }
}

/** The startup message is the last thing in the driver's first bytes: its length, then the protocol's version. */
function withoutLeftovers(bytes: Buffer): Buffer {
  for (let at = 0; at + 8 <= bytes.length; at++)
    if (bytes.readUInt32BE(at) === bytes.length - at && bytes.readUInt32BE(at + 4) === protocol3) return bytes.subarray(at)
  return bytes
}
