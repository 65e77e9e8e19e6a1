// A connection to a syslog collector, TCP (RFC 6587) or TLS (RFC 5425). A collector never says what it has taken. What can be known is
// that the system has accepted the bytes and that the connection has held since; whoever counts on a message looks back at that.

import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { SinkSettings } from './sink-settings.ts'

export interface SyslogConnection {
  /** Resolves when the system has taken the bytes. Rejects when the connection is over. */
  write(text: string): Promise<void>
  /** Why it is over; undefined: it is not. */
  readonly failure: string | undefined
  /** Sends what is left, then ends. */
  end(): void
}

const connectMs = 5_000
const writeMs = 10_000
const pulseMs = 15_000

/** Rejects with a word that says why: `unreachable`, `timeout`, `not_trusted`. */
export function connectSyslog({ host, port, tls }: SinkSettings): Promise<SyslogConnection> {
  return new Promise((resolve, reject) => {
    const { caPem: ca, certPem: cert, keyPem: key } = tls ?? {}
    const options = { host, port, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
    const socket: Socket = tls
      ? connectTls({ ...options, minVersion: 'TLSv1.2', servername: nameOf(host) })
      : connectPlain(options)
    const timer = setTimeout(() => fail(new SinkError('timeout')), connectMs)
    const fail = (error: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(error instanceof SinkError ? error : new SinkError(wordOf(error)))
    }
    socket.once('error', fail)
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(connectionOf(socket))
    })
  })
}

/** RFC 6066 § 3: a name, never an address. */
const nameOf = (host: string): string => (/^[\d.]+$|:/.test(host) ? '' : host)

/** Its message is one word. */
export class SinkError extends Error {
  override readonly name = 'SinkError'
}

function wordOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return /CERT|SELF_SIGNED|UNABLE_TO|DEPTH_ZERO|ALTNAME|ERR_SSL|ERR_TLS/.test(code) ? 'not_trusted' : 'unreachable'
}

function connectionOf(socket: Socket): SyslogConnection {
  let failure: string | undefined
  const over = (why: string) => (): void => {
    failure ??= why
  }
  socket.setKeepAlive(true, pulseMs)
  socket.setNoDelay(true)
  socket.on('error', over('broken'))
  // Collectors send nothing; one that closes its side is about to be gone.
  socket.on('end', over('closed'))
  socket.on('close', over('closed'))
  socket.resume()
  return {
    get failure() {
      return failure
    },
    write: text =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return void reject(new SinkError(failure))
        const timer = setTimeout(() => {
          over('timeout')()
          socket.destroy()
        }, writeMs)
        const closed = (): void => reject(new SinkError(failure ?? 'closed'))
        socket.once('close', closed)
        socket.write(text, error => {
          clearTimeout(timer)
          socket.off('close', closed)
          if (error) reject(new SinkError(failure ?? 'broken'))
          else resolve()
        })
      }),
    end: () => void socket.end(),
  }
}
