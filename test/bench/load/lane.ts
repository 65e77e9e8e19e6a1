// One connection that asks one question at a time: HTTP/1.1 by hand on a socket. The generator shares two cores with the
// servers that it measures, so it does the least that HTTP allows: write prepared bytes, find the end of the answer.

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls'
import type { ClientIdentity, Target, Traffic } from '../contender.ts'

/** `body` is a view of received bytes: read or copy it before returning. */
export interface Answer {
  status: number
  body: Buffer
}

export type Done = (answer: Answer | Error) => void

export class Lane {
  /** From 0. */
  readonly number: number
  readonly #target: Target
  readonly #context: SecureContext | undefined
  readonly #fresh: boolean
  #socket: Socket | undefined
  #received: Buffer | undefined
  #done: Done | undefined

  /** `fresh`: closes after each answer. `context`: from `secureContext`. */
  constructor(target: Target, context: SecureContext | undefined, fresh: boolean, number = 0) {
    this.number = number
    this.#target = target
    this.#context = context
    this.#fresh = fresh
  }

  /** Connects ahead of the first request. */
  async open(): Promise<void> {
    if (this.#fresh) return
    await new Promise<void>((resolve, reject) => {
      this.#done = answer => (answer instanceof Error ? reject(answer) : resolve())
      this.#connect(() => {
        this.#done = undefined
        resolve()
      })
    })
  }

  /** Sends one request; `done` is called once. A lane carries one request at a time. */
  ask(request: Buffer, done: Done): void {
    this.#done = done
    if (this.#socket) this.#socket.write(request)
    else this.#connect(() => this.#socket?.write(request))
  }

  close(): void {
    this.#done = undefined
    this.#drop()
  }

  #connect(ready: () => void): void {
    const { host, port, tls } = this.#target
    const socket = tls
      ? connectTls({ host, port, servername: tls.servername, secureContext: this.#context!, minVersion: 'TLSv1.3' }, ready)
      : connectTcp({ host, port }, ready)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', error => this.#fail(socket, error))
    socket.on('close', () => this.#fail(socket, new Error('The server closed the connection.')))
    this.#socket = socket
  }

  #take(chunk: Buffer): void {
    const bytes = this.#received ? Buffer.concat([this.#received, chunk]) : chunk
    const end = bytes.indexOf('\r\n\r\n')
    if (end === -1) {
      this.#received = bytes
      return
    }
    const head = bytes.toString('latin1', 0, end).toLowerCase()
    const length = /\r\ncontent-length: *(\d+)/.exec(head)
    if (!length) {
      this.#fail(this.#socket, new Error('The answer has no Content-Length.'))
      return
    }
    const bodyEnd = end + 4 + Number(length[1])
    if (bytes.length < bodyEnd) {
      this.#received = bytes
      return
    }
    this.#received = undefined
    if (this.#fresh || head.includes('\r\nconnection: close')) this.#drop()
    this.#settle({ status: Number(head.slice(9, 12)), body: bytes.subarray(end + 4, bodyEnd) })
  }

  #fail(socket: Socket | undefined, error: Error): void {
    if (socket !== this.#socket) return // an old connection's last word
    this.#drop()
    this.#settle(error)
  }

  #settle(answer: Answer | Error): void {
    const done = this.#done
    this.#done = undefined
    done?.(answer)
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#received = undefined
    socket?.destroy()
  }
}

/** The TLS settings of a target, to be parsed once for all lanes; undefined for plain HTTP. identity: in the place of the target's own. */
export function secureContext({ tls }: Target, identity: ClientIdentity | undefined = tls): SecureContext | undefined {
  if (!tls) return undefined
  const { cert, key } = identity ?? {}
  return createSecureContext({ ca: tls.ca, ...(cert && key && { cert, key }) })
}

/** Connected lanes; where the traffic has identities, they take them in turn. */
export async function openLanes({ target, identities, freshConnections = false }: Traffic, count: number): Promise<Lane[]> {
  const contexts = identities?.map(identity => secureContext(target, identity)) ?? [secureContext(target)]
  const lanes = Array.from({ length: count }, (_, i) => new Lane(target, contexts[i % contexts.length], freshConnections, i))
  await Promise.all(lanes.map(lane => lane.open()))
  return lanes
}
